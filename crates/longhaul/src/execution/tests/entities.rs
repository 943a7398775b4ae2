//! Calls, signals and critical sections of entities.

use std::time::Duration;

use super::*;
use crate::entity::EntityId;

fn counter(key: &str) -> EntityId {
    EntityId::new("counter", key).unwrap()
}

#[test]
fn calls_have_results_and_signals_have_none() {
    let code = |ctx: Ctx, (): ()| async move {
        ctx.signal_entity(&counter("a"), "reset", ())?;
        let (first, second) = (
            ctx.call_entity::<_, u32>(&counter("a"), "add", 1),
            ctx.call_entity::<_, u32>(&counter("b"), "add", 2),
        );
        let second = second.await;
        Ok((first.await?, second.unwrap_err().kind))
    };
    tell(
        code,
        "null",
        &[
            (
                0,
                "",
                "EntityOperationSignaled 0 @counter@a reset null; EntityOperationCalled 1 @counter@a add 1; \
                 EntityOperationCalled 2 @counter@b add 2",
            ),
            (1, "fail 2 Boom", "EntityOperationFailed 2 Boom"),
            (2, "done 1 7", "EntityOperationCompleted 1 7; ExecutionCompleted; = [7,\"Boom\"]"),
        ],
    );
}

#[test]
fn entities_are_locked_one_after_the_other_and_let_go_together() {
    let code = |ctx: Ctx, (): ()| async move {
        let section = ctx.lock_entities([counter("b"), counter("a"), counter("b")]).await?;
        ctx.call_entity::<_, u32>(&counter("a"), "add", 1).await?;
        drop(section);
        ctx.call_activity::<_, ()>("rest", ()).await
    };
    let released = "EntityUnlockSent 3 @counter@a  null in 0; EntityUnlockSent 4 @counter@b  null in 0";
    tell(
        code,
        "null",
        &[
            (0, "", "EntityLockRequested 0 @counter@a  null in 0"),
            (1, "done 0 null", "EntityLockGranted 0; EntityLockRequested 1 @counter@b  null in 0"),
            (2, "done 1 null", "EntityLockGranted 1; EntityOperationCalled 2 @counter@a add 1 in 0"),
            (3, "done 2 1", &format!("EntityOperationCompleted 2 1; {released}; TaskScheduled 5 rest null")),
            (4, "done 5 null", "TaskCompleted 5 null; ExecutionCompleted; = null"),
        ],
    );
}

#[test]
fn whoever_gives_up_waiting_for_a_lock_lets_go_of_it() {
    let code = |ctx: Ctx, (): ()| async move {
        let timer = ctx.create_timer(Duration::from_secs(5));
        let locks = Box::pin(ctx.lock_entities([counter("a")]));
        match futures::future::select(timer, locks).await {
            futures::future::Either::Left(_) => {}
            futures::future::Either::Right(_) => panic!("nobody has granted it"),
        }
        Ok(ctx.is_in_critical_section())
    };
    tell(
        code,
        "null",
        &[
            (0, "", "TimerCreated 0 @5; EntityLockRequested 1 @counter@a  null in 1"),
            (5, "", "TimerFired 0 @5; EntityUnlockSent 2 @counter@a  null in 1; ExecutionCompleted; = false"),
        ],
    );
}

#[test]
fn an_orchestrator_that_ends_in_a_critical_section_leaves_it() {
    let code = |ctx: Ctx, (): ()| async move {
        let _section = ctx.lock_entities([counter("a")]).await?;
        ctx.call_activity::<_, ()>("work", ()).await
    };
    tell(
        code,
        "null",
        &[
            (0, "", "EntityLockRequested 0 @counter@a  null in 0"),
            (1, "done 0 null", "EntityLockGranted 0; TaskScheduled 1 work null"),
            (
                2,
                "fail 1 Boom",
                "TaskFailed 1 Boom; EntityUnlockSent 2 @counter@a  null in 0; ExecutionCompleted; ! Boom",
            ),
        ],
    );
}
