//! What leaves the process: answers to clients, and requests to others than the application's own components.
//!
//! Each part of it waits until all that was written before is on disk, and so tells nobody of anything that a power cut
//! could undo. Within the process nothing waits for the disk: what one component has written, and another acts on, is
//! forgotten by all of them together or by none. An orchestration of many small steps is synced when somebody sees it,
//! and not at each step.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use longhaul_kv::{Database, Stores};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::component::empty;

/// The way out. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Outgoing {
    databases: Arc<[Database]>,
}

impl Outgoing {
    /// The way out of an application whose stores are `stores`.
    pub(crate) fn of(stores: &Stores) -> Self {
        Self { databases: stores.databases().into() }
    }

    /// Resolves when what was written before is on disk.
    pub(crate) async fn written(&self) -> Result<(), Error> {
        for database in &*self.databases {
            database.synced().await.map_err(|error| Error::InternalError(Some(error.to_string())))?;
        }
        Ok(())
    }

    /// Lets an answer out.
    pub(crate) async fn answer(&self, response: Response<WasiBody>) -> Response<WasiBody> {
        match self.written().await {
            Ok(()) => response.map(|body| self.body(body)),
            // The database has reported why.
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Lets a body out, part by part.
    pub(crate) fn body(&self, body: WasiBody) -> WasiBody {
        let is_empty = body.is_end_stream();
        HeldBody { body, outgoing: self.clone(), held: None, is_empty }.boxed_unsync()
    }
}

/// A part of a body, its end, or its failure.
type Part = Option<Result<Frame<Bytes>, Error>>;

struct HeldBody {
    body: WasiBody,
    outgoing: Outgoing,
    /// What waits, and for what.
    held: Option<(Part, BoxFuture<'static, Result<(), Error>>)>,
    is_empty: bool,
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Part> {
        let this = &mut *self;
        if this.held.is_none() {
            let part = ready!(Pin::new(&mut this.body).poll_frame(cx));
            let outgoing = this.outgoing.clone();
            this.held = Some((part, Box::pin(async move { outgoing.written().await })));
        }
        let (_, written) = this.held.as_mut().expect("it was just set");
        let written = ready!(written.as_mut().poll(cx));
        let (part, _) = this.held.take().expect("it was there");
        Poll::Ready(match written {
            Ok(()) => part,
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        // The end says something too, and waits like any other part.
        self.is_empty
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::channel::mpsc;
    use futures::{SinkExt as _, StreamExt as _};
    use http_body_util::{BodyStream, Empty, StreamBody};
    use longhaul_kv::{Durability, SqliteOptions};

    use super::*;

    #[tokio::test]
    async fn the_head_of_an_answer_waits_and_every_part_of_its_body_and_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions { durability: Durability::OnDemand, ..SqliteOptions::default() };
        let database = Database::sqlite_with(&directory.path().join("kv.db"), options).unwrap();
        let outgoing = Outgoing::of(&Stores::in_database(&database, ["default"]));
        let (mut parts, receiver) = mpsc::channel(1);
        database.store("default").set("k", vec![0]).await.unwrap();
        let mut wrote = 1;
        let answer = outgoing.answer(Response::new(StreamBody::new(receiver).boxed_unsync())).await;
        assert_eq!(database.statistics().syncs, wrote, "at the head");
        assert!(!answer.body().is_end_stream());
        let mut body = BodyStream::new(answer.into_body());
        for part in ["one", "two", ""] {
            database.store("default").set("k", vec![0]).await.unwrap();
            wrote += 1;
            match part {
                "" => parts.close_channel(),
                part => parts.send(Ok(Frame::data(Bytes::from(part)))).await.unwrap(),
            }
            let came = tokio::time::timeout(Duration::from_secs(20), body.next()).await.unwrap();
            let came = came.map(|frame| frame.unwrap().into_data().unwrap());
            assert_eq!(came.unwrap_or_default(), part);
            assert_eq!(database.statistics().syncs, wrote, "at {part:?}");
        }
    }

    #[tokio::test]
    async fn an_empty_body_is_one() {
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        assert!(Outgoing::of(&Stores::new()).body(empty).is_end_stream());
    }
}
