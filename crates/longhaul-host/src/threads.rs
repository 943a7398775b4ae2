//! The threads that the application runs on: those that answer clients, and those that do the work.
//!
//! Components with a public route run on the first, and so does the server; private components on the second. The
//! system shares the processors between them. So a client that submits something, or asks how it goes, does not queue
//! behind the work, and work goes on however many clients there are.
//!
//! Beyond that, answering comes first: while all threads that answer are busy, requests to private components begin in
//! [turns](Turns), not as they come.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::LoadError;

/// While answering keeps the processors busy, a piece of work begins each time that so much has passed.
const TURN: Duration = Duration::from_millis(1);
/// What has waited for so long begins in any case: clients that keep asking how it goes must not hold up what they wait
/// for.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// The threads, for as long as the application is there.
pub(crate) struct Threads {
    answering: Pool,
    working: Pool,
    turns: Arc<Turns>,
}

/// Where a component runs.
pub(crate) struct Place {
    runtime: Handle,
    /// Where it has to wait for its turn.
    turns: Option<Arc<Turns>>,
}

impl Threads {
    /// Starts as many of each as there are processors.
    pub(crate) fn start() -> Result<Self, LoadError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Arc::new(Turns::new(processors));
        let (parks, unparks) = (Arc::clone(&turns), Arc::clone(&turns));
        let mut answering = Builder::new_multi_thread();
        answering.on_thread_park(move || parks.one_rests()).on_thread_unpark(move || unparks.one_is_busy());
        let answering = Pool::start(answering, "longhaul-answer", processors)?;
        let working = Pool::start(Builder::new_multi_thread(), "longhaul-work", processors)?;
        Ok(Self { answering, working, turns })
    }

    /// Those that answer clients.
    pub(crate) fn answering(&self) -> &Handle {
        self.answering.handle()
    }

    /// Where a component runs that clients reach.
    pub(crate) fn public(&self) -> Place {
        Place { runtime: self.answering.handle().clone(), turns: None }
    }

    /// Where a component runs that only other components reach.
    pub(crate) fn private(&self) -> Place {
        Place { runtime: self.working.handle().clone(), turns: Some(Arc::clone(&self.turns)) }
    }
}

impl Place {
    /// Runs `work` there, when it is its turn. It goes on when nobody waits for it any longer.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match self.turns.clone() {
            None => self.runtime.spawn(work),
            Some(turns) => self.runtime.spawn(async move {
                turns.wait().await;
                work.await
            }),
        }
    }
}

/// Threads of one kind.
struct Pool(Option<Runtime>);

impl Pool {
    fn start(mut builder: Builder, name: &str, threads: usize) -> Result<Self, LoadError> {
        let runtime = builder.thread_name(name).worker_threads(threads).enable_all().build();
        let runtime = runtime.map_err(|error| LoadError::Engine(format!("no threads for it: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is taken when this is dropped").handle()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // It may be dropped where nothing may wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whose turn it is to begin, of what the threads that work are to do.
///
/// As long as one of those that answer has nothing to do, it is everybody's. Else all stand in line: the first begins when
/// that has come to be, or when [`TURN`] has passed since another began like that. So many clients are answered at the
/// cost of others' results coming later, and work goes on; and where clients wait for those results, they leave the
/// processors to the work.
struct Turns {
    /// How many threads answer, and how many of them are busy.
    answering: usize,
    busy: AtomicUsize,
    /// Told when one is no longer.
    rests: Notify,
    /// Locked by the first in line. When the one before it began.
    line: Mutex<Option<Instant>>,
}

impl Turns {
    /// So many threads answer; each is busy until it has nothing to do for the first time.
    fn new(answering: usize) -> Self {
        Self { answering, busy: AtomicUsize::new(answering), rests: Notify::new(), line: Mutex::default() }
    }

    fn one_is_busy(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
    }

    fn one_rests(&self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.rests.notify_one();
    }

    fn is_everybodys(&self) -> bool {
        self.busy.load(Ordering::SeqCst) < self.answering
    }

    /// Resolves when the caller may begin.
    async fn wait(&self) {
        if self.is_everybodys() && self.line.try_lock().is_ok() {
            return;
        }
        // Nobody waits for longer.
        let _ = timeout(LONGEST_WAIT, self.stand_in_line()).await;
    }

    async fn stand_in_line(&self) {
        let mut last = self.line.lock().await;
        let turn = last.map_or_else(Instant::now, |last| last + TURN);
        while !self.is_everybodys() && timeout_at(turn, self.rests.notified()).await.is_ok() {}
        *last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::{join, join_all};

    use super::*;

    /// Two threads answer, so many of which are busy.
    fn turns(busy: usize) -> Turns {
        let turns = Turns::new(2);
        for _ in busy..2 {
            turns.one_rests();
        }
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn work_begins_as_it_comes_while_a_thread_that_answers_rests() {
        let turns = turns(1);
        for _ in 0..1000 {
            assert_eq!(turns.wait().now_or_never(), Some(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_begins_in_turns_while_all_are_busy() {
        let turns = turns(1);
        turns.one_is_busy();
        let begin = Instant::now();
        let began = join_all((0..20).map(|_| turns.wait().map(|()| begin.elapsed()))).await;
        let expected: Vec<_> = (0..20).map(|turn| TURN * turn).collect();
        assert_eq!(began, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn all_in_line_begin_when_one_is_no_longer() {
        let turns = turns(2);
        let begin = Instant::now();
        let waiting = join_all((0..20).map(|_| turns.wait().map(|()| begin.elapsed())));
        let rests = async {
            tokio::time::sleep(TURN * 9).await;
            turns.one_rests();
        };
        let (began, ()) = join(waiting, rests).await;
        assert_eq!(began[8], TURN * 8);
        assert!(began[9..].iter().all(|began| *began == TURN * 9), "{began:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let turns = turns(2);
        let _never_left = turns.line.lock().await;
        let begin = Instant::now();
        turns.wait().await;
        assert_eq!(begin.elapsed(), LONGEST_WAIT);
    }

    #[tokio::test]
    async fn threads_that_answer_are_busy_until_they_have_nothing_to_do() {
        let threads = Threads::start().unwrap();
        let busy = || threads.turns.busy.load(Ordering::SeqCst);
        until(|| busy() == 0).await;
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (end, may_end) = std::sync::mpsc::channel::<()>();
        let answers = threads.answering().spawn(async move {
            begun.send(()).unwrap();
            let _ = may_end.recv();
        });
        has_begun.recv().unwrap();
        until(|| busy() == 1).await;
        drop(end);
        answers.await.unwrap();
        until(|| busy() == 0).await;
    }

    #[tokio::test]
    async fn private_components_have_threads_of_their_own() {
        let threads = Threads::start().unwrap();
        let name = |place: Place| place.spawn(async { std::thread::current().name().map(str::to_owned) });
        assert_eq!(name(threads.public()).await.unwrap().as_deref(), Some("longhaul-answer"));
        assert_eq!(name(threads.private()).await.unwrap().as_deref(), Some("longhaul-work"));
    }

    async fn until(condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), wait).await.expect("it comes to be");
    }
}
