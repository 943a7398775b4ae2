//! Branches that are under way at the same time.
//!
//! Those of `futures` will not do: `select_all` looks at a branch's end before it has begun the next, and the unordered
//! ones poll in the order of wakes, while here the first listed goes first. Only branches that were woken are polled, so
//! that a fan-out of thousands costs what it must.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::LocalBoxFuture;
use futures::task::AtomicWaker;
use longhaul::Failure;
use serde_json::Value;

/// A program under way.
pub(crate) type Evaluation<'a> = LocalBoxFuture<'a, Result<Value, Failure>>;

/// What all of them give, in the order in which they are listed; when all have ended, the failure that came first.
pub(crate) async fn all(branches: Vec<Evaluation<'_>>) -> Result<Vec<Value>, Failure> {
    let mut values = vec![Value::Null; branches.len()];
    let mut failure = None;
    let mut left = branches.len();
    let mut branches = Branches::new(branches);
    poll_fn(|cx| {
        branches.woken.task.register(cx.waker());
        while let Some(index) = branches.woken.first() {
            let Some(result) = branches.poll(index) else { continue };
            left -= 1;
            match result {
                Ok(value) => values[index] = value,
                Err(earlier_or_only) => drop(failure.get_or_insert(earlier_or_only)),
            }
        }
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    failure.map_or(Ok(values), Err)
}

/// What the first gives that ends, and which one it is. None if there are no branches.
pub(crate) async fn any(branches: Vec<Evaluation<'_>>) -> Option<Result<(usize, Value), Failure>> {
    if branches.is_empty() {
        return None;
    }
    let count = branches.len();
    let mut branches = Branches::new(branches);
    let mut begun = false;
    let (index, result) = poll_fn(|cx| {
        branches.woken.task.register(cx.waker());
        if !std::mem::replace(&mut begun, true) {
            // All of them begin, whatever the first ones say.
            let mut winner = None;
            for index in 0..count {
                branches.woken.forget(index);
                if let Some(result) = branches.poll(index) {
                    winner.get_or_insert((index, result));
                }
            }
            if let Some(winner) = winner {
                return Poll::Ready(winner);
            }
        }
        while let Some(index) = branches.woken.first() {
            if let Some(result) = branches.poll(index) {
                return Poll::Ready((index, result));
            }
        }
        Poll::Pending
    })
    .await;
    Some(result.map(|value| (index, value)))
}

struct Branches<'a> {
    /// None once they have ended.
    evaluations: Vec<Option<Evaluation<'a>>>,
    wakers: Vec<Waker>,
    woken: Arc<Woken>,
}

impl<'a> Branches<'a> {
    fn new(evaluations: Vec<Evaluation<'a>>) -> Self {
        let woken = Arc::new(Woken {
            branches: Mutex::new((0..evaluations.len()).collect()),
            task: AtomicWaker::new(),
        });
        let waker = |index| Waker::from(Arc::new(BranchWaker { index, woken: woken.clone() }));
        let wakers = (0..evaluations.len()).map(waker).collect();
        Self { evaluations: evaluations.into_iter().map(Some).collect(), wakers, woken }
    }

    /// Lets a branch go on, and answers what it gives if it ends with that.
    fn poll(&mut self, index: usize) -> Option<Result<Value, Failure>> {
        let evaluation = self.evaluations[index].as_mut()?;
        match evaluation.as_mut().poll(&mut Context::from_waker(&self.wakers[index])) {
            Poll::Pending => None,
            Poll::Ready(result) => {
                self.evaluations[index] = None;
                Some(result)
            }
        }
    }
}

/// Which branches were woken, and the task that they belong to.
struct Woken {
    branches: Mutex<BTreeSet<usize>>,
    task: AtomicWaker,
}

impl Woken {
    /// The first listed one that was woken, which now counts as one that was not.
    fn first(&self) -> Option<usize> {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    fn forget(&self, index: usize) {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
    }
}

struct BranchWaker {
    index: usize,
    woken: Arc<Woken>,
}

impl Wake for BranchWaker {
    fn wake(self: Arc<Self>) {
        self.woken.branches.lock().unwrap_or_else(PoisonError::into_inner).insert(self.index);
        self.woken.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::executor::LocalPool;
    use serde_json::json;

    use super::*;

    type Answer = Result<Value, Failure>;

    /// Branches that end when they are told to, and what they do before and after.
    struct Bench {
        log: Rc<RefCell<Vec<String>>>,
        senders: Vec<Option<oneshot::Sender<Answer>>>,
    }

    impl Bench {
        fn new(count: usize) -> (Self, Vec<Evaluation<'static>>) {
            let log = Rc::new(RefCell::new(Vec::new()));
            let (senders, branches) = (0..count)
                .map(|index| {
                    let (sender, receiver) = oneshot::channel::<Answer>();
                    let log = log.clone();
                    let branch = async move {
                        log.borrow_mut().push(format!("{index} begins"));
                        let answer = receiver.await.unwrap();
                        log.borrow_mut().push(format!("{index} ends"));
                        answer
                    };
                    (Some(sender), branch.boxed_local())
                })
                .unzip();
            (Self { log, senders }, branches)
        }

        fn answer(&mut self, index: usize, answer: Answer) {
            self.senders[index].take().unwrap().send(answer).unwrap();
        }
    }

    fn failure(message: &str) -> Failure {
        Failure::new("Failed", message)
    }

    /// Lets `future` go on, after each of the given answers, and answers its result.
    fn run<T>(
        future: impl Future<Output = T>,
        bench: &mut Bench,
        turns: Vec<Vec<(usize, Answer)>>,
    ) -> Option<T> {
        let mut future = Box::pin(future);
        let mut pool = LocalPool::new();
        let mut result = None;
        for turn in std::iter::once(Vec::new()).chain(turns) {
            for (index, answer) in turn {
                bench.answer(index, answer);
            }
            let task = async { result = result.take().or(future.as_mut().now_or_never()) };
            pool.run_until(task);
            if result.is_some() {
                break;
            }
        }
        result
    }

    #[test]
    fn all_waits_for_all_and_fails_with_the_first_failure_in_time() {
        let (mut bench, branches) = Bench::new(3);
        let turns = vec![vec![(2, Ok(json!(2)))], vec![(1, Ok(json!(1))), (0, Ok(json!(0)))]];
        assert_eq!(run(all(branches), &mut bench, turns), Some(Ok(vec![json!(0), json!(1), json!(2)])));
        let (mut bench, branches) = Bench::new(3);
        let turns = vec![vec![(2, Err(failure("late in the list")))], vec![(0, Err(failure("first")))]];
        assert_eq!(run(all(branches), &mut bench, turns.clone()), None, "one has not ended");
        let (mut bench, branches) = Bench::new(3);
        let turns = [turns, vec![vec![(1, Ok(json!(1)))]]].concat();
        assert_eq!(run(all(branches), &mut bench, turns), Some(Err(failure("late in the list"))));
        let (mut bench, branches) = Bench::new(2);
        let turns = vec![vec![(1, Err(failure("b"))), (0, Err(failure("a")))]];
        assert_eq!(run(all(branches), &mut bench, turns), Some(Err(failure("a"))), "at the same time");
        assert_eq!(all(Vec::new()).now_or_never(), Some(Ok(Vec::new())));
    }

    #[test]
    fn any_begins_all_and_the_first_listed_of_those_that_end_together_wins() {
        let (mut bench, mut branches) = Bench::new(2);
        branches.insert(0, async { Ok(json!("at once")) }.boxed_local());
        assert_eq!(run(any(branches), &mut bench, Vec::new()), Some(Some(Ok((0, json!("at once"))))));
        assert_eq!(*bench.log.borrow(), ["0 begins", "1 begins"]);
        let (mut bench, branches) = Bench::new(3);
        let turns = vec![vec![(2, Ok(json!(2))), (1, Err(failure("boom")))]];
        assert_eq!(run(any(branches), &mut bench, turns), Some(Some(Err(failure("boom")))));
        assert_eq!(bench.log.borrow()[3..], ["1 ends"], "the loser runs no further step");
        assert_eq!(any(Vec::new()).now_or_never(), Some(None));
    }
}
