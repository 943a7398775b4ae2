//! Histories of failed executions that were rewound: what is left of them can be followed.

use super::*;

/// The story so far without its failures and its end, as a rewind leaves it, and the mark of the rewind.
fn rewind(story: &mut Story, second: i64) {
    story
        .history
        .retain(|event| !matches!(event.event, EventKind::TaskFailed { .. } | EventKind::ExecutionCompleted));
    let reason = String::from("why");
    let events = [EventKind::OrchestratorStarted, EventKind::ExecutionRewound { reason }];
    story.history.extend(events.map(|event| Event { at: at(second), event }));
    story.end = None;
    story.live = replayed(&story.beginning, &story.orchestrators, &story.history);
    assert_eq!(story.live.mismatch(), None);
}

#[test]
fn a_rewound_activity_is_open_again() {
    let calls = |ctx: Ctx, ()| async move { ctx.call_activity::<_, u32>("a", 1).await };
    let mut story = tell(
        calls,
        "null",
        &[
            (0, "", "TaskScheduled 0 a 1"),
            (1, "fail 0 Boom", "TaskFailed 0 Boom; ExecutionCompleted; ! Boom"),
        ],
    );
    for second in [2, 4] {
        rewind(&mut story, second);
        story.rows(&[(second + 1, "fail 0 Boom", "TaskFailed 0 Boom; ExecutionCompleted; ! Boom")]);
    }
    rewind(&mut story, 6);
    story.rows(&[(7, "done 0 2", "TaskCompleted 0 2; ExecutionCompleted; = 2")]);
}

#[test]
fn what_failed_by_itself_fails_again_with_its_own_failure() {
    let fails = |_: Ctx, ()| async move { Err::<(), _>(Failure::new("Boom", "boom")) };
    let mut story = tell(fails, "null", &[(0, "", "ExecutionCompleted; ! Boom")]);
    for second in [1, 3] {
        rewind(&mut story, second);
        assert!(story.live.has_ended());
        let Turn { events, end, .. } = story.live.turn(at(second + 1), vec![]);
        assert_eq!(end, Some(End::Failed(Failure::new("Boom", "boom"))));
        story.history.extend(events);
    }
    // The whole of it can be checked, too.
    let mut checked = story.replayed();
    checked.check_end(None);
    assert_eq!(checked.mismatch(), None);
}
