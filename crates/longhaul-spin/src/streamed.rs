//! Answers whose bodies are written piece by piece.

use http::HeaderMap;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::http_compat::BodyWriter;

/// An answer whose body is yet to be written. Who writes it ends with [`finish`], unless it breaks off.
pub(crate) fn streamed(
    status: u16,
    headers: &HeaderMap,
) -> Result<(BodyWriter, types::Response), types::ErrorCode> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let failed = |error: &dyn std::fmt::Display| types::ErrorCode::InternalError(Some(error.to_string()));
    let headers = types::Fields::from_list(&headers).map_err(|error| failed(&error))?;
    let (writer, body, trailers) = BodyWriter::new();
    // Whether all of it arrives, its writer sees.
    let (response, _transmitted) = types::Response::new(headers, Some(body), trailers);
    response.set_status_code(status).map_err(|()| failed(&"the status is none"))?;
    Ok((writer, response))
}

/// Says that a body is whole.
pub(crate) async fn finish(body: BodyWriter) {
    drop(body.stream_writer);
    let _ = body.result_writer.write(Ok(None)).await;
}
