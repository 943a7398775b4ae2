//! The tick's loop: look for messages, take a step, wait.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures::future::{self, Either};
use futures::stream::StreamExt;
use futures::{FutureExt, pin_mut};

use super::dispatch::Answer;
use super::{Tick, Ticked};
use crate::activity::Activities;
use crate::commit::{CommitError, WakeEntry};
use crate::inbox::Message;
use crate::kick::Kicks;
use crate::platform::{Platform, Stopwatch, after, until};
use crate::record::Inbox;
use crate::store::StoreError;

/// Where so many tasks are under way when one ends, others will end soon.
const MANY: usize = 8;

/// How long is waited for them, as long as they do: about what a step takes, which they then need not have each.
const MOMENT: Duration = Duration::from_millis(1);

/// What is known of an inbox before a step, and the messages that are new in it.
pub(super) struct Mail {
    pub(super) inbox: Inbox,
    pub(super) messages: Vec<Message>,
}

impl<P: Platform, A: Activities, K: Kicks> Tick<'_, P, A, K> {
    pub(super) async fn run(&mut self) -> Result<Ticked, CommitError> {
        let mut answers = Vec::new();
        loop {
            let mail = self.mail().await?;
            let stepped = self.step(answers, mail).await?;
            // If it came through the first step, it takes nobody down; and what a message has settled is not done again.
            self.entered.run_beside_others();
            // Taken over from another: what it had under way runs again, under the attempts that the takeover counted.
            self.dispatch_committed();
            match stepped {
                Some(Ticked::Waiting) => match self.is_written_to().await? {
                    false => return Ok(Ticked::Waiting),
                    true => {
                        self.take_up_again().await?;
                        answers = Vec::new();
                        continue;
                    }
                },
                Some(ended) => {
                    self.let_run_on().await;
                    return Ok(ended);
                }
                None => {}
            }
            answers = self.wait().await;
            // However many others answer.
            self.give_up_silent_calls();
        }
    }

    /// New messages, if it is time to look for any.
    async fn mail(&mut self) -> Result<Mail, StoreError> {
        let engine = self.around.engine;
        let mut inbox = self.held.record().control.inbox.clone();
        if self.execution.is_none() || self.looks_again_in() > Duration::ZERO {
            return Ok(Mail { inbox, messages: Vec::new() });
        }
        let messages = engine.take_messages(&self.held.key, &mut inbox, &mut self.holes).await?;
        let pause = match self.looked {
            // While nobody writes, more and more seldom: who does write rings the bell, if it is the same process.
            Some((_, pause)) if messages.is_empty() && inbox.holes.is_empty() && !pause.is_zero() => {
                pause * 2
            }
            _ if messages.is_empty() => engine.timing.inbox_poll,
            // There may be more than are taken at once.
            _ => Duration::ZERO,
        };
        self.looked = Some((Stopwatch::start(&engine.platform), pause.min(engine.timing.lease / 3)));
        Ok(Mail { inbox, messages })
    }

    /// How long until messages are to be looked for.
    fn looks_again_in(&self) -> Duration {
        self.looked.as_ref().map_or(Duration::ZERO, |(since, pause)| {
            pause.saturating_sub(since.elapsed(&self.around.engine.platform))
        })
    }

    /// Having parked: whether there are messages after all.
    async fn is_written_to(&self) -> Result<bool, StoreError> {
        let sent = self.around.engine.messages_sent(&self.held.key).await?;
        Ok(sent > self.held.record().control.inbox.read)
    }

    /// Takes the lease again, which was given up a moment ago.
    async fn take_up_again(&mut self) -> Result<(), CommitError> {
        let engine = self.around.engine;
        let (key, stored) = (&self.held.key, &self.held.stored);
        let held = engine.takeover(key, stored, &self.owner, engine.lease(), WakeEntry::Keep).await?;
        self.held = held.ok_or(CommitError::Lost)?;
        self.looked = None;
        Ok(())
    }

    /// Waits for answers, and takes all that are there; none when it is time for something else.
    async fn wait(&mut self) -> Vec<Answer> {
        let pause = self.next_pause();
        let sleep = self.around.engine.platform.sleep(pause);
        let bell = self.entered.bell.rung();
        let reports = self.reports.clone();
        let checkpoint = poll_fn(|cx| match reports.checkpoints.take() {
            true => Poll::Ready(()),
            false => {
                reports.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        });
        pin_mut!(sleep, bell, checkpoint);
        // Whether the bell was rung.
        let interrupted = future::select(sleep, future::select(bell, checkpoint))
            .map(|interruption| matches!(interruption, Either::Right((Either::Left(_), _))));
        pin_mut!(interrupted);
        let (first, rung) = if self.running.is_empty() {
            (None, interrupted.await)
        } else {
            match future::select(self.running.next(), interrupted).await {
                Either::Left((answer, _)) => (answer, false),
                Either::Right((rung, _)) => (None, rung),
            }
        };
        if rung {
            self.looked = None;
        }
        let mut answers: Vec<_> = first.into_iter().collect();
        // Others have come meanwhile, which the surroundings tell one by one when they get their turn. All of them share a
        // commit.
        let mut before = 0;
        while answers.len() > before && !self.running.is_empty() {
            before = answers.len();
            match self.running.len() < MANY {
                true => give_way().await,
                false => self.around.engine.platform.sleep(MOMENT).await,
            }
            while let Some(Some(answer)) = self.running.next().now_or_never() {
                answers.push(answer);
            }
        }
        answers
    }

    /// Until the lease is to be renewed, a task to be repeated, a timer to fire, or messages to be looked for.
    fn next_pause(&self) -> Duration {
        let engine = self.around.engine;
        let now = engine.platform.now();
        if self.is_about_to_begin(self.held.record(), now) {
            return Duration::ZERO;
        }
        let record = self.held.record();
        let renew = record.control.lease.as_ref().map(|lease| after(lease.granted, engine.timing.lease / 3));
        let tasks = || record.control.tasks.values();
        // What is to be repeated waits for room, as everything does.
        let in_flight = tasks().filter(|task| task.retry_at.is_none()).count();
        let waits =
            self.execution.is_none() || record.control.suspended || in_flight >= engine.limits.in_flight;
        let retries = tasks().filter_map(|task| task.retry_at).filter(|_| !waits);
        let timer = self.execution.as_ref().and_then(|execution| execution.next_timer());
        let answers = self.expects_answers(record, now).then(|| self.expects_answers_until(record));
        let next = renew.into_iter().chain(retries).chain(timer).chain(answers).min();
        let next = next.map_or(Duration::ZERO, |at| until(now, at));
        let next = self.silent_in().map_or(next, |silent| next.min(silent));
        let next = match &self.execution {
            Some(_) => next.min(self.looks_again_in()),
            None => next,
        };
        // Whatever is due now was seen to by the step before.
        next.max(Duration::from_millis(1))
    }

    /// After the end: what is under way runs on, and nobody minds how it ends.
    async fn let_run_on(&mut self) {
        self.reports.close();
        while self.running.next().await.is_some() {}
    }
}

/// Lets everything else that is ready go first.
async fn give_way() {
    let mut has_given_way = false;
    poll_fn(|cx| match std::mem::replace(&mut has_given_way, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
