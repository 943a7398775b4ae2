//! What leaves the process: answers to clients, and requests to others than the application's own components.
//!
//! Each part of it waits until all that was written before is on disk, and so tells nobody of anything that a power cut
//! could undo. What there is of a body when its head comes waits together with that, and mostly that is all. Within the
//! process nothing waits for the disk: what one component has written, and another acts on, is forgotten by all of them
//! together or by none. An orchestration of many small steps is synced when somebody sees it, and not at each step.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

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
        let (head, body) = response.into_parts();
        let mut body = HeldBody::new(body, self.clone());
        body.take_what_is_there();
        match self.written().await {
            Ok(()) => Response::from_parts(head, body.boxed_unsync()),
            // The database has reported why.
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Lets a body out, part by part.
    pub(crate) fn body(&self, body: WasiBody) -> WasiBody {
        HeldBody::new(body, self.clone()).boxed_unsync()
    }
}

/// How much of a body is taken before anybody asks for it, at most, in bytes, but for the last part.
const TAKEN: u64 = 64 << 10;

/// A part of a body, its end, or its failure.
type Part = Option<Result<Frame<Bytes>, Error>>;

struct HeldBody {
    /// Parts that have waited, or wait with the head.
    free: VecDeque<Result<Frame<Bytes>, Error>>,
    body: WasiBody,
    /// Whether `free` is all that is left.
    has_ended: bool,
    outgoing: Outgoing,
    /// What waits, and for what.
    held: Option<(Part, BoxFuture<'static, Result<(), Error>>)>,
}

impl HeldBody {
    fn new(body: WasiBody, outgoing: Outgoing) -> Self {
        let has_ended = body.is_end_stream();
        Self { free: VecDeque::new(), body, has_ended, outgoing, held: None }
    }

    /// Takes what there is of the body, for its head's sake: they wait together.
    fn take_what_is_there(&mut self) {
        // Whoever asks for more brings a waker.
        let mut cx = Context::from_waker(Waker::noop());
        while !self.has_ended && self.taken() < TAKEN {
            match Pin::new(&mut self.body).poll_frame(&mut cx) {
                Poll::Ready(Some(part)) => {
                    // Nothing comes after a failure.
                    self.has_ended = part.is_err();
                    self.free.push_back(part);
                }
                Poll::Ready(None) => self.has_ended = true,
                Poll::Pending => return,
            }
        }
    }

    /// How many bytes wait with the head.
    fn taken(&self) -> u64 {
        let data = self.free.iter().filter_map(|part| part.as_ref().ok()?.data_ref());
        data.map(|data| data.len() as u64).sum()
    }
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Part> {
        let this = &mut *self;
        if let Some(part) = this.free.pop_front() {
            return Poll::Ready(Some(part));
        }
        if this.has_ended {
            return Poll::Ready(None);
        }
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
        // Unless it has come with the head, the end waits like any other part: it says something too.
        self.has_ended && self.free.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let is_data = |part: &Result<Frame<Bytes>, Error>| part.as_ref().is_ok_and(Frame::is_data);
        match (self.has_ended, self.free.iter().all(is_data)) {
            (true, true) => SizeHint::with_exact(self.taken()),
            (false, _) if self.free.is_empty() => self.body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::channel::mpsc;
    use futures::{FutureExt as _, SinkExt as _, StreamExt};
    use http_body_util::{BodyStream, Empty, StreamBody};
    use longhaul_kv::{Durability, SqliteOptions};
    use tempfile::TempDir;

    use super::*;

    /// The way out of an application with one store, in a database that is synced when that is asked for.
    fn outgoing() -> (Outgoing, Database, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions { durability: Durability::OnDemand, ..SqliteOptions::default() };
        let database = Database::sqlite_with(&directory.path().join("kv.db"), options).unwrap();
        (Outgoing::of(&Stores::in_database(&database, ["default"])), database, directory)
    }

    #[tokio::test]
    async fn the_head_of_an_answer_waits_and_every_part_of_its_body_and_its_end() {
        let (outgoing, database, _directory) = outgoing();
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
    async fn what_is_there_of_a_body_waits_with_the_head() {
        let (outgoing, database, _directory) = outgoing();
        let part = |text| Ok(Frame::data(Bytes::from(text)));
        for (parts, length) in [
            (vec![part("one"), part("two")], Some(6)),
            (vec![part("one"), Err(Error::ConnectionTerminated)], None),
            (vec![], Some(0)),
        ] {
            let (count, breaks_off) = (parts.len(), length.is_none());
            database.store("default").set("k", vec![0]).await.unwrap();
            let syncs = database.statistics().syncs;
            let body = StreamBody::new(futures::stream::iter(parts)).boxed_unsync();
            let answer = outgoing.answer(Response::new(body)).await;
            assert_eq!(database.statistics().syncs, syncs + 1);
            // What others write now, this answer does not tell.
            database.store("default").set("k", vec![1]).await.unwrap();
            assert_eq!(answer.body().size_hint().exact(), length);
            assert_eq!(answer.body().is_end_stream(), count == 0);
            let parts = StreamExt::collect::<Vec<_>>(BodyStream::new(answer.into_body())).now_or_never();
            let parts = parts.expect("it does not wait");
            assert_eq!((parts.len(), parts.iter().any(Result::is_err)), (count, breaks_off));
            outgoing.written().await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_written_while_a_body_is_taken_is_on_disk_before_it_leaves() {
        let (outgoing, database, _directory) = outgoing();
        let store = database.store("default");
        let part = async move {
            store.set("k", vec![0]).await.unwrap();
            Ok(Frame::data(Bytes::from("k is 0")))
        };
        let body = StreamBody::new(futures::stream::once(part)).boxed_unsync();
        let answer = outgoing.answer(Response::new(body)).await;
        assert!(answer.body().size_hint().exact() == Some(6), "it came with the head");
        let syncs = database.statistics().syncs;
        outgoing.written().await.unwrap();
        assert_eq!((syncs, database.statistics().syncs), (1, 1), "there was nothing left to sync");
    }

    #[tokio::test]
    async fn no_more_of_a_body_is_taken_than_fits() {
        let outgoing = Outgoing::of(&Stores::new());
        let (mut parts, receiver) = mpsc::channel(1_000);
        for _ in 0..100 {
            parts.try_send(Ok(Frame::data(Bytes::from(vec![0; 1 << 10])))).unwrap();
        }
        let answer = outgoing.answer(Response::new(StreamBody::new(receiver).boxed_unsync())).await;
        let waiting =
            (0..1_000).take_while(|_| parts.try_send(Ok(Frame::data(Bytes::new()))).is_ok()).count();
        assert!(waiting < 1_000, "the rest is still in the channel");
        parts.close_channel();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), 100 << 10);
    }

    #[tokio::test]
    async fn an_empty_body_is_one() {
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        assert!(Outgoing::of(&Stores::new()).body(empty).is_end_stream());
    }
}
