//! What components print: to `<component>_stdout.txt` and `<component>_stderr.txt`, and to the terminal, whole lines at
//! a time with the component's name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use longhaul_manifest::ComponentId;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// A line longer than this is written in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// How much a component may write before it is asked to come again.
const WRITE_BUDGET: usize = 64 * 1024;

/// Where a component's output goes.
pub(crate) struct ComponentLogs {
    stdout: Arc<Sink>,
    stderr: Arc<Sink>,
}

impl ComponentLogs {
    /// Opens the files of a component in `directory`, appending to what is there.
    pub(crate) fn open(directory: &Path, component: &ComponentId, terminal: bool) -> io::Result<Self> {
        let open = |stream: &str| {
            let path = directory.join(format!("{component}_{stream}.txt"));
            OpenOptions::new().create(true).append(true).open(path)
        };
        let sink = |file, terminal| {
            Arc::new(Sink { component: component.clone(), file: Mutex::new(file), terminal })
        };
        Ok(Self {
            stdout: sink(open("stdout")?, terminal.then_some(Terminal::Stdout)),
            stderr: sink(open("stderr")?, terminal.then_some(Terminal::Stderr)),
        })
    }

    pub(crate) fn stdout(&self) -> LogStream {
        LogStream(Arc::clone(&self.stdout))
    }

    pub(crate) fn stderr(&self) -> LogStream {
        LogStream(Arc::clone(&self.stderr))
    }
}

#[derive(Clone, Copy)]
enum Terminal {
    Stdout,
    Stderr,
}

struct Sink {
    component: ComponentId,
    file: Mutex<File>,
    terminal: Option<Terminal>,
}

impl Sink {
    /// Writes a line, or lines, that end with a newline. That a log cannot be written must not stop a component.
    fn write(&self, text: &[u8]) {
        // One write for each call, so that lines of several instances do not mix.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(text);
        let Some(terminal) = self.terminal else { return };
        let mut shown = Vec::with_capacity(text.len() + 32);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            shown.extend_from_slice(self.component.as_str().as_bytes());
            shown.extend_from_slice(b" | ");
            shown.extend_from_slice(line);
        }
        let _ = match terminal {
            Terminal::Stdout => io::stdout().lock().write_all(&shown),
            Terminal::Stderr => io::stderr().lock().write_all(&shown),
        };
    }
}

/// One of a component's two output streams, as its instances get it.
#[derive(Clone)]
pub(crate) struct LogStream(Arc<Sink>);

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LineWriter::new(Arc::clone(&self.0)))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineWriter::new(Arc::clone(&self.0)))
    }
}

/// Collects what one instance writes until a line is whole.
struct LineWriter {
    sink: Arc<Sink>,
    pending: Vec<u8>,
}

impl LineWriter {
    fn new(sink: Arc<Sink>) -> Self {
        Self { sink, pending: Vec::new() }
    }

    fn push(&mut self, text: &[u8]) {
        self.pending.extend_from_slice(text);
        if let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') {
            self.sink.write(&self.pending[..=end]);
            self.pending.drain(..=end);
        }
        if self.pending.len() > LONGEST_LINE {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        if !self.pending.is_empty() {
            self.pending.push(b'\n');
            self.sink.write(&self.pending);
            self.pending.clear();
        }
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.end_line();
    }
}

impl AsyncWrite for LineWriter {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, text: &[u8]) -> Poll<io::Result<usize>> {
        self.push(text);
        Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineWriter {
    async fn ready(&mut self) {}
}

impl OutputStream for LineWriter {
    fn write(&mut self, text: Bytes) -> StreamResult<()> {
        self.push(&text);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BUDGET)
    }
}
