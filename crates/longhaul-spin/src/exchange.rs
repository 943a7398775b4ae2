//! What the application's components say to each other, in the host's own types.
//!
//! Such a request needs a path and a body, its answer a status and a body. The types of the `http` crate have all the rest
//! too, each part fetched by a call of the host: a seventh of what an orchestration of five activities took.

use futures::{Stream, stream};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{self, ErrorCode, Fields, Method, Scheme, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::in_background;

/// A request, as the host hands it over.
pub type Request = types::Request;

/// An answer, as the host takes it.
pub type Answer = Result<types::Response, ErrorCode>;

/// The type of JSON bodies.
pub(crate) const JSON: &str = "application/json";

/// How much is quoted of an answer that was not expected.
const QUOTED: usize = 500;

/// What is read of a body at a time, at least, in bytes.
const CHUNK: usize = 4096;

/// What a component is asked.
pub(crate) struct Asked {
    pub(crate) method: http::Method,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Reads a request.
    ///
    /// # Errors
    /// The answer, if the request does not arrive as a whole.
    pub(crate) async fn read(request: Request) -> Result<Self, Answer> {
        let incomplete = |error: &dyn std::fmt::Display| plain(400, error.to_string());
        let method = request.get_method().try_into().map_err(|error| incomplete(&error))?;
        let mut path = request.get_path_with_query().unwrap_or_else(|| "/".into());
        path.truncate(path.find('?').unwrap_or(path.len()));
        let body = Body::of(|received| Request::consume_body(request, received)).whole().await;
        Ok(Self { method, path, body: body.map_err(|error| incomplete(&error))? })
    }
}

/// An answer in plain text; without a body, if that is empty.
pub(crate) fn plain(status: u16, text: impl Into<Vec<u8>>) -> Answer {
    answer(status, &[], text.into())
}

/// An answer in JSON.
pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    answer(status, &[("content-type", JSON)], body.into())
}

/// An answer with a whole body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let (contents, trailers) = sent(body);
    let (response, _transmitted) = types::Response::new(fields(headers)?, contents, trailers);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some("the status is none".into())))?;
    Ok(response)
}

/// An answer of another component, of which the body is still to come.
pub(crate) struct Answered(types::Response);

impl Answered {
    pub(crate) fn status(&self) -> u16 {
        self.0.get_status_code()
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.0.get_headers().get(name);
        values.into_iter().next().map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    pub(crate) fn body(self) -> Body {
        Body::of(|received| types::Response::consume_body(self.0, received))
    }

    /// What an answer says that was not expected: its status, and what its body begins with.
    pub(crate) async fn describe(self) -> String {
        let status = self.status();
        let said = match self.body().whole().await {
            Ok(body) => String::from_utf8_lossy(&body).chars().take(QUOTED).collect(),
            Err(error) => error.to_string(),
        };
        format!("{status}: {said}")
    }
}

/// Posts JSON to the component at `authority`, and answers as soon as the answer begins.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn post_json(authority: &str, path: &str, body: Vec<u8>) -> Result<Answered, String> {
    let headers = fields(&[("content-type", JSON)]);
    send(Method::Post, authority, path, headers, body).await.map_err(|error| error.to_string())
}

/// Gets something of the component at `authority`, and answers as soon as the answer begins.
///
/// # Errors
/// Why there is no answer.
#[cfg(feature = "management")]
pub(crate) async fn get(authority: &str, path: &str) -> Result<Answered, String> {
    send(Method::Get, authority, path, fields(&[]), Vec::new()).await.map_err(|error| error.to_string())
}

async fn send(
    method: Method,
    authority: &str,
    path: &str,
    headers: Result<Fields, ErrorCode>,
    body: Vec<u8>,
) -> Result<Answered, ErrorCode> {
    let (contents, trailers) = sent(body);
    let (request, _transmitted) = Request::new(headers?, contents, trailers, None);
    request.set_method(&method).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&Scheme::Http)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;
    client::send(request).await.map(Answered)
}

fn fields(headers: &[(&str, &str)]) -> Result<Fields, ErrorCode> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    Fields::from_list(&headers).map_err(|error| ErrorCode::InternalError(Some(error.to_string())))
}

/// What is behind the body of a message: its trailers, unless it breaks off.
type End = Result<Option<Trailers>, ErrorCode>;

/// How a body was received.
type Received = Result<(), ErrorCode>;

/// Has a body written in the background: an empty one is none.
fn sent(body: Vec<u8>) -> (Option<StreamReader<u8>>, FutureReader<End>) {
    let (end, trailers) = wit_future::new(|| Ok(None));
    if body.is_empty() {
        in_background(async move { drop(end.write(Ok(None)).await) });
        return (None, trailers);
    }
    let (mut contents, reader) = wit_stream::new();
    // If it is read no further, whoever reads has no use for it.
    in_background(async move {
        contents.write_all(body).await;
        drop(contents);
        drop(end.write(Ok(None)).await);
    });
    (Some(reader), trailers)
}

/// A body that comes in.
pub(crate) struct Body {
    contents: StreamReader<u8>,
    end: Option<FutureReader<End>>,
    /// Says, once it is dropped, that nothing has gone wrong here.
    _received: FutureWriter<Received>,
}

impl Body {
    /// The body that `consume` gives for the future by which its sender learns how it was received.
    fn of(consume: impl FnOnce(FutureReader<Received>) -> (StreamReader<u8>, FutureReader<End>)) -> Self {
        let (received, reader) = wit_future::new(|| Ok(()));
        let (contents, end) = consume(reader);
        Self { contents, end: Some(end), _received: received }
    }

    /// Reads what comes next behind what `read` holds. False: that was all of it.
    ///
    /// # Errors
    /// When the body breaks off.
    async fn read_on(&mut self, read: &mut Vec<u8>) -> Result<bool, ErrorCode> {
        if read.len() == read.capacity() {
            read.reserve(CHUNK.max(read.len()));
        }
        let (result, buffer) = self.contents.read(std::mem::take(read)).await;
        *read = buffer;
        if !matches!(result, StreamResult::Dropped) {
            return Ok(true);
        }
        match self.end.take() {
            Some(end) => end.await.map(|_trailers| false),
            None => Ok(false),
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// When it breaks off.
    pub(crate) async fn whole(mut self) -> Result<Vec<u8>, ErrorCode> {
        let mut read = Vec::new();
        while self.read_on(&mut read).await? {}
        Ok(read)
    }

    /// Its pieces, as they come.
    pub(crate) fn pieces(self) -> impl Stream<Item = Result<Vec<u8>, ErrorCode>> {
        stream::try_unfold(self, |mut body| async move {
            let mut piece = Vec::new();
            Ok(body.read_on(&mut piece).await?.then_some((piece, body)))
        })
    }
}
