//! From an activity function to the body of its answer: a line for each report, and one for the outcome.

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::channel::oneshot;
use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::StreamExt;
use http_body::Frame;
use longhaul::{ActivityLine, ActivityOutcome, ActivityReport, Cancelled, ReportSink};
use spin_sdk::wasip3::http_compat::BodyWriter;

use crate::streamed::finish;

/// A line to be written.
pub(super) struct Line {
    text: String,
    /// Told once it is read. None: it is the last line.
    read: Option<oneshot::Sender<()>>,
}

/// The end of the channel that the activity function has. It is closed when nobody reads any more.
#[derive(Clone)]
pub(super) struct Sink(UnboundedSender<Line>);

/// The end that is written to the body.
pub(super) type Lines = UnboundedReceiver<Line>;

pub(super) fn channel() -> (Sink, Lines) {
    let (sender, lines) = mpsc::unbounded();
    (Sink(sender), lines)
}

impl Sink {
    /// Sends the last line. If nobody reads it, nobody is interested.
    pub(super) fn finish(&self, outcome: ActivityOutcome) {
        let text = ActivityLine::Outcome(outcome).encode();
        let _ = self.0.unbounded_send(Line { text, read: None });
    }
}

impl ReportSink for Sink {
    // A line is queued as a whole and written by somebody else, so that a report that is dropped half way breaks no line;
    // and since it waits until it is read, there are never many.
    fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
        async move {
            let (read, was_read) = oneshot::channel();
            let line = Line { text: ActivityLine::Report(report).encode(), read: Some(read) };
            self.0.unbounded_send(line).map_err(|_| Cancelled)?;
            was_read.await.map_err(|_| Cancelled)
        }
        .boxed_local()
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_closed()
    }
}

/// Writes lines until the last one, or until nobody reads them. `lines` is then gone, which closes the channel.
pub(super) async fn write(mut body: BodyWriter, first: Option<Line>, mut lines: Lines) {
    let mut next = first;
    while let Some(Line { mut text, read }) = next {
        text.push('\n');
        if body.send_frame(Frame::data(text.into_bytes())).await.is_err() {
            return;
        }
        match read {
            Some(read) => drop(read.send(())),
            None => break,
        }
        next = lines.next().await;
    }
    // Said once all is written: that the body has not broken off.
    finish(body).await;
}
