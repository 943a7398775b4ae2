//! Entities: operations in order and once, calls, signals, locks, and what operators do with them.

use std::time::Duration;

use futures::future::join_all;
use longhaul::{
    CleanedEntities, EntityContext, EntityFunctions, EntityId, EntityQuery, Failure, InstanceId, Json,
    OperationError, Operations, OrchestrationContext, Orchestrators, Platform, RuntimeStatus, Start, Store,
    TaskHub, UnprocessedEvents,
};
use serde::{Deserialize, Serialize};

use crate::support::{Hub, activities};

#[derive(Default, Serialize, Deserialize)]
struct Account {
    balance: i64,
}

impl Account {
    async fn deposit(&mut self, _: &EntityContext, amount: i64) -> Result<i64, Failure> {
        self.balance += amount;
        Ok(self.balance)
    }

    async fn withdraw(&mut self, _: &EntityContext, amount: i64) -> Result<i64, Failure> {
        self.balance -= amount;
        match self.balance < 0 {
            true => Err(Failure::new("Withdraw", "insufficient funds")),
            false => Ok(self.balance),
        }
    }

    async fn balance(&mut self, _: &EntityContext, (): ()) -> Result<i64, Failure> {
        Ok(self.balance)
    }
}

/// What the entities of these tests do.
pub fn functions() -> EntityFunctions {
    let account = Operations::new()
        .with("deposit", Account::deposit)
        .with("withdraw", Account::withdraw)
        .with("balance", Account::balance);
    EntityFunctions::new().with("account", account).with_dispatch("log", async |context: &EntityContext| {
        let mut lines: Vec<Json> = context.state()?.unwrap_or_default();
        match context.operation() {
            "read" => return Json::of(&lines).map_err(|error| Failure::new("Json", error.to_string())),
            "forward" => {
                let to: EntityId = context.input::<EntityId>()?;
                for line in &lines {
                    context.signal_entity(&to, "add", line)?;
                }
            }
            "start" => {
                context.start_orchestration("note", context.entity_id(), context.input()?)?;
            }
            "add" => lines.push(context.input()?),
            _ => lines.push(Json::of(&context.operation()).unwrap()),
        }
        context.set_state(&lines)?;
        Ok(Json::null())
    })
}

fn id(text: &str) -> EntityId {
    text.parse().unwrap()
}

fn hub(orchestrators: Orchestrators) -> Hub {
    Hub::new(orchestrators, activities())
}

impl Hub {
    fn signal(&self, entity: &str, operation: &str, input: impl Serialize) {
        let input = Json::of(&input).unwrap();
        self.tell(self.engine.signal_entity(&id(entity), operation, input, None)).unwrap();
    }

    fn state(&self, entity: &str) -> Option<Json> {
        self.run(self.engine.entity(&id(entity))).unwrap().and_then(|found| found.state)
    }

    /// Waits until the entity's state is this JSON.
    fn await_state(&self, entity: &str, state: &str) {
        let mut last = None;
        for _ in 0..2000 {
            last = self.state(entity);
            if last.as_ref().map_or("none", |state| state.text()) == state {
                return;
            }
            self.sleep(Duration::from_millis(100));
        }
        panic!("{entity} does not become {state}: it is {last:?}");
    }
}

async fn transfer(
    ctx: OrchestrationContext,
    (from, to, amount): (EntityId, EntityId, i64),
) -> Result<i64, Failure> {
    let section = ctx.lock_entities([from.clone(), to.clone()]).await?;
    let left = ctx.call_entity::<_, i64>(&from, "withdraw", amount).await?;
    ctx.call_entity::<_, i64>(&to, "deposit", amount).await?;
    drop(section);
    Ok(left)
}

fn bank() -> Hub {
    hub(Orchestrators::new().with("transfer", transfer))
}

#[test]
fn an_entity_is_created_on_first_use_and_read_by_anybody() {
    let hub = hub(Orchestrators::new());
    assert_eq!(hub.run(hub.engine.entity(&id("@account@a"))).unwrap(), None);
    hub.signal("@Account@a", "deposit", 5);
    hub.signal("@account@a", "deposit", 2);
    hub.await_state("@account@a", r#"{"balance":7}"#);
    hub.signal("@account@a", "delete", ());
    hub.await_state("@account@a", "none");
    assert!(!hub.run(hub.engine.entity(&id("@account@a"))).unwrap().unwrap().exists);
}

#[test]
fn a_call_gets_the_result_or_the_failure_and_a_failed_operation_changes_nothing() {
    async fn spend(ctx: OrchestrationContext, entity: EntityId) -> Result<(i64, String, i64), Failure> {
        let first = ctx.call_entity(&entity, "deposit", 3).await?;
        let failure = ctx.call_entity::<_, i64>(&entity, "withdraw", 4).await.unwrap_err();
        let last = ctx.call_entity(&entity, "balance", ()).await?;
        Ok((first, failure.message, last))
    }
    let hub = hub(Orchestrators::new().with("spend", spend));
    let instance = hub.start("spend", "@account@a");
    assert_eq!(hub.end::<(i64, String, i64)>(&instance), Ok((3, "insufficient funds".into(), 3)));
    assert_eq!(
        hub.events(&instance),
        [
            "ExecutionStarted",
            "EntityOperationCalled",
            "EntityOperationCompleted",
            "EntityOperationCalled",
            "EntityOperationFailed",
            "EntityOperationCalled",
            "EntityOperationCompleted",
            "ExecutionCompleted"
        ]
    );
}

#[test]
fn one_orchestrators_messages_to_one_entity_are_carried_out_in_their_order() {
    async fn tell(ctx: OrchestrationContext, entity: EntityId) -> Result<Json, Failure> {
        for n in 0..100 {
            ctx.signal_entity(&entity, "add", n)?;
        }
        ctx.call_entity(&entity, "read", ()).await
    }
    let hub = hub(Orchestrators::new().with("tell", tell));
    let instance = hub.start("tell", "@log@a");
    let lines: Vec<u32> = hub.end(&instance).unwrap();
    assert_eq!(lines, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_signal_may_be_for_later() {
    let hub = hub(Orchestrators::new());
    let later = hub.engine.platform().now() + Duration::from_secs(3 * 3600);
    let (entity, input) = (id("@log@a"), Json::parse("\"later\"").unwrap());
    hub.tell(hub.engine.signal_entity(&entity, "add", input, Some(later))).unwrap();
    hub.signal("@log@a", "add", "now");
    hub.await_state("@log@a", r#"["now"]"#);
    hub.sleep(Duration::from_secs(3 * 3600 - 60));
    assert_eq!(hub.state("@log@a").unwrap().text(), r#"["now"]"#);
    hub.sleep(Duration::from_secs(120));
    assert_eq!(hub.state("@log@a").unwrap().text(), r#"["now","later"]"#);
}

#[test]
fn an_entity_signals_others_and_starts_orchestrations() {
    async fn note(ctx: OrchestrationContext, from: EntityId) -> Result<(), Failure> {
        ctx.signal_entity(&from, "noted", ())
    }
    let hub = hub(Orchestrators::new().with("note", note));
    hub.signal("@log@a", "add", 1);
    hub.signal("@log@a", "add", 2);
    hub.signal("@log@a", "forward", "@log@b");
    hub.await_state("@log@b", "[1,2]");
    hub.signal("@log@c", "start", "the-note");
    hub.await_state("@log@c", r#"["noted"]"#);
    let found = hub.run(hub.engine.lookup(&InstanceId::new("the-note").unwrap())).unwrap().unwrap();
    assert_eq!(found.head.parent.map(|parent| parent.to_string()), Some("@log@c".into()));
}

#[test]
fn locks_keep_others_out_until_the_section_is_over() {
    let hub = bank();
    hub.signal("@account@a", "deposit", 100);
    let transfers =
        |from: &'static str, to: &'static str| (0..10).map(move |_| (from, to, 3)).collect::<Vec<_>>();
    // Against each other: whoever locked in the order of writing would wait in a circle.
    let all = transfers("@account@a", "@account@b").into_iter().chain(transfers("@account@b", "@account@a"));
    let instances: Vec<_> = all.map(|transfer| hub.start("transfer", transfer)).collect();
    for instance in &instances {
        let _ = hub.end::<i64>(instance);
    }
    let balance = |entity| {
        let state = hub.state(entity).expect("it has one");
        state.to::<Account>().unwrap().balance
    };
    assert_eq!(balance("@account@a") + balance("@account@b"), 100);
    for entity in ["@account@a", "@account@b"] {
        let found = hub.run(hub.engine.entity(&id(entity))).unwrap().unwrap();
        assert_eq!((found.locked_by, found.waiting), (None, 0));
    }
}

#[test]
fn locks_are_released_however_the_orchestrator_ends() {
    async fn hold(ctx: OrchestrationContext, how: String) -> Result<(), Failure> {
        let section = ctx.lock_entities([id("@log@b"), id("@log@a")]).await?;
        assert!(ctx.is_in_critical_section());
        match how.as_str() {
            "release" => drop(section),
            "fail" => return Err(Failure::new("Failed", "on purpose")),
            "anew" => return ctx.continue_as_new("return", UnprocessedEvents::Keep).await,
            "wait" => return ctx.wait_for_event("never").await,
            _ => {}
        }
        Ok(())
    }
    let hub = hub(Orchestrators::new().with("hold", hold));
    for (round, how) in ["return", "release", "fail", "anew", "wait"].into_iter().enumerate() {
        let instance = hub.start("hold", how);
        if how == "wait" {
            hub.sleep(Duration::from_secs(5));
            let found = hub.run(hub.engine.entity(&id("@log@a"))).unwrap().unwrap();
            assert_eq!(found.locked_by, Some(instance.clone()));
            hub.signal("@log@a", "add", "waits");
            hub.sleep(Duration::from_secs(5));
            assert_eq!(hub.state("@log@a").unwrap().to::<Vec<Json>>().unwrap().len(), round);
            hub.tell(hub.engine.terminate(&instance, "enough")).unwrap();
            hub.sleep(Duration::from_secs(5));
            assert_eq!(hub.status(&instance), RuntimeStatus::Terminated);
            continue;
        }
        let _ = hub.end::<()>(&instance);
        hub.signal("@log@a", "add", how);
        hub.sleep(Duration::from_secs(5));
        assert_eq!(hub.state("@log@a").unwrap().to::<Vec<Json>>().unwrap().len(), round + 1, "{how}");
    }
    hub.await_state("@log@a", r#"["return","release","fail","anew","waits"]"#);
}

#[test]
fn who_waits_for_a_lock_and_is_terminated_never_gets_it() {
    let hub = hub(Orchestrators::new().with("hold", async |ctx: OrchestrationContext, (): ()| {
        let _section = ctx.lock_entities([id("@log@a")]).await?;
        ctx.wait_for_event::<()>("go").await
    }));
    let first = hub.start("hold", ());
    hub.sleep(Duration::from_secs(1));
    let second = hub.start("hold", ());
    hub.sleep(Duration::from_secs(5));
    hub.tell(hub.engine.terminate(&second, "enough")).unwrap();
    hub.sleep(Duration::from_secs(5));
    hub.raise(&first, "go", ());
    hub.end::<()>(&first).unwrap();
    hub.signal("@log@a", "free", ());
    hub.await_state("@log@a", r#"["free"]"#);
}

#[test]
fn the_rules_of_critical_sections_are_checked() {
    async fn rules(ctx: OrchestrationContext, (): ()) -> Result<Vec<String>, Failure> {
        let (a, b) = (id("@log@a"), id("@log@b"));
        let section = ctx.lock_entities([a.clone(), a.clone()]).await?;
        let failures = [
            ctx.lock_entities([b.clone()]).await.err(),
            ctx.call_entity::<_, ()>(&b, "add", 1).await.err(),
            ctx.signal_entity(&a, "add", 1).err(),
            ctx.call_sub_orchestration::<_, ()>("rules", ()).await.err(),
        ];
        ctx.signal_entity(&b, "fine", ())?;
        drop(section);
        ctx.signal_entity(&a, "fine", ())?;
        drop(ctx.lock_entities([b]).await?);
        Ok(failures.into_iter().map(|failure| failure.expect("it is against the rules").kind).collect())
    }
    let hub = hub(Orchestrators::new().with("rules", rules));
    let instance = hub.start("rules", ());
    let kinds: Vec<String> = hub.end(&instance).unwrap();
    assert_eq!(kinds, ["InCriticalSection", "NotLocked", "Locked", "InCriticalSection"]);
    for entity in ["@log@a", "@log@b"] {
        hub.await_state(entity, r#"["fine"]"#);
    }
}

#[test]
fn what_failed_in_a_critical_section_is_not_rewound_into_it() {
    let hub = hub(Orchestrators::new().with("hold", async |ctx: OrchestrationContext, (): ()| {
        let _section = ctx.lock_entities([id("@log@a")]).await?;
        ctx.call_activity::<_, ()>("fail", "no").await
    }));
    let instance = hub.start("hold", ());
    hub.end::<()>(&instance).unwrap_err();
    hub.sleep(Duration::from_secs(5));
    let refused = hub.tell(hub.engine.rewind(&instance, "again"));
    assert_eq!(refused, Err(OperationError::InCriticalSection(instance)));
}

#[test]
fn many_signals_are_carried_out_as_batches() {
    let hub = hub(Orchestrators::new());
    hub.signal("@account@a", "deposit", 1);
    hub.await_state("@account@a", r#"{"balance":1}"#);
    let before = hub.batches.get();
    let (entity, one) = (id("@account@a"), Json::parse("1").unwrap());
    let told =
        hub.run(join_all((0..1000).map(|_| hub.engine.signal_entity(&entity, "deposit", one.clone(), None))));
    let told = told.into_iter().next().unwrap().unwrap();
    hub.tick(&told.key, &told.tick);
    hub.await_state("@account@a", r#"{"balance":1001}"#);
    assert!(hub.batches.get() - before <= 1000 / 64 + 1, "{}", hub.batches.get() - before);
}

#[test]
fn what_brings_the_component_down_fails_alone() {
    let hub = hub(Orchestrators::new().with("ask", async |ctx: OrchestrationContext, (): ()| {
        let bad = ctx.call_entity::<_, ()>(&id("@log@a"), "trap", ());
        let good = ctx.call_entity::<_, ()>(&id("@log@a"), "good", ());
        let (bad, good) = futures::future::join(bad, good).await;
        good?;
        Ok(bad.unwrap_err().kind)
    }));
    let instance = hub.start("ask", ());
    assert_eq!(hub.end::<String>(&instance), Ok("EntityUnavailable".into()));
    assert_eq!(hub.state("@log@a").unwrap().text(), r#"["good"]"#);
}

#[test]
fn a_state_of_any_size_is_kept_and_what_it_was_is_deleted() {
    let hub = hub(Orchestrators::new());
    hub.signal("@log@a", "add", 1);
    hub.await_state("@log@a", "[1]");
    let long = "x".repeat(100_000);
    for _ in 0..3 {
        hub.signal("@log@a", "add", &long);
    }
    hub.sleep(Duration::from_secs(5));
    assert_eq!(hub.state("@log@a").unwrap().to::<Vec<Json>>().unwrap().len(), 4);
    hub.signal("@log@a", "delete_nothing", ());
    hub.sleep(Duration::from_secs(5));
    // What was garbage goes with the commit after.
    hub.signal("@log@a", "delete_nothing", ());
    hub.sleep(Duration::from_secs(5));
    let keys = hub.engine.platform().keys();
    let values: Vec<_> = keys.iter().filter(|key| key.contains("/payload/")).collect();
    assert!(values.len() <= 2, "{values:?}");
}

#[test]
fn entities_are_listed_by_name_and_time_page_by_page() {
    let hub = hub(Orchestrators::new());
    for n in 0..5 {
        hub.signal(&format!("@log@{n}"), "add", n);
        hub.sleep(Duration::from_secs(10));
    }
    hub.signal("@account@a", "deposit", 1);
    hub.signal("@account@b", "delete", ());
    hub.sleep(Duration::from_secs(5));
    let list = |query: &EntityQuery| hub.run(hub.engine.list_entities(query)).unwrap();
    let ids = |query: &EntityQuery| -> Vec<String> {
        list(query).entities.iter().map(|entity| entity.id.to_string()).collect()
    };
    let all = EntityQuery::default();
    assert_eq!(ids(&all), ["@log@0", "@log@1", "@log@2", "@log@3", "@log@4", "@account@a"]);
    assert_eq!(ids(&EntityQuery { include_empty: true, ..all.clone() }).len(), 7);
    let mut query = EntityQuery {
        name: Some("LOG".into()),
        page_size: Some(2),
        fetch_state: true,
        ..EntityQuery::default()
    };
    let page = list(&query);
    assert_eq!(page.entities[1].state.as_ref().unwrap().text(), "[1]");
    query.continuation = page.continuation;
    assert_eq!(ids(&query), ["@log@2", "@log@3"]);
    let third = list(&EntityQuery::default()).entities[2].last_operation;
    let between = EntityQuery { last_operation_from: Some(third), last_operation_to: Some(third), ..all };
    assert_eq!(ids(&between), ["@log@2"]);
}

#[test]
fn cleaning_removes_what_is_empty_and_releases_what_nobody_holds() {
    let hub = hub(Orchestrators::new().with("hold", async |ctx: OrchestrationContext, (): ()| {
        let _section = ctx.lock_entities([id("@log@locked")]).await?;
        ctx.wait_for_event::<()>("never").await
    }));
    hub.signal("@log@full", "add", 1);
    hub.signal("@log@empty", "delete", ());
    hub.signal("@account@empty", "delete", ());
    let holder = hub.start("hold", ());
    hub.sleep(Duration::from_secs(5));
    let clean = || {
        let limit = Duration::from_secs(60);
        let cleaned = hub.run(hub.engine.clean_entities(true, true, None, limit)).unwrap();
        assert_eq!(cleaned.continuation, None);
        cleaned
    };
    let cleaned = CleanedEntities { removed: 1, released: 0, continuation: None };
    assert_eq!(clean(), cleaned, "the log's own delete is an operation like others");
    assert_eq!(clean(), CleanedEntities::default());
    // Its record is gone, as after a restored backup.
    let record = hub.run(hub.engine.lookup(&holder)).unwrap().unwrap().key;
    let record = TaskHub::new("test").instance(&record);
    hub.run(hub.engine.platform().store().delete_many(vec![record])).unwrap();
    assert_eq!(clean(), CleanedEntities { released: 1, ..CleanedEntities::default() });
    hub.signal("@log@locked", "free", ());
    hub.await_state("@log@locked", r#"["free"]"#);
    // What was removed begins anew.
    hub.signal("@account@empty", "deposit", 4);
    hub.await_state("@account@empty", r#"{"balance":4}"#);
    let keys = hub.engine.platform().keys();
    assert!(!keys.iter().any(|key| key.contains("@account@empty.1")), "the first one is gone: {keys:?}");
}

#[test]
fn nobody_chooses_the_id_of_an_entity() {
    let hub = hub(Orchestrators::new());
    hub.signal("@log@a", "add", 1);
    hub.await_state("@log@a", "[1]");
    let id: InstanceId = serde_json::from_str("\"@log@a\"").unwrap();
    assert_eq!(hub.run(hub.engine.lookup(&id)).unwrap(), None);
    assert!(hub.run(hub.engine.raise_event(&id, "x", Json::null())).is_err());
    assert!(InstanceId::new("@log@a").is_err());
}

#[test]
fn a_crash_at_any_time_repeats_nothing_and_loses_nothing() {
    async fn tell(ctx: OrchestrationContext, (): ()) -> Result<i64, Failure> {
        let entity = id("@account@a");
        for _ in 0..5 {
            ctx.signal_entity(&entity, "deposit", 1)?;
        }
        ctx.call_entity::<_, i64>(&entity, "deposit", 10).await
    }
    for steps in 1..120 {
        let hub = hub(Orchestrators::new().with("tell", tell));
        let instance = hub.start("tell", ());
        // So many moments later everything dies.
        let mut left = steps;
        hub.run(std::future::poll_fn(|cx| {
            left -= 1;
            cx.waker().wake_by_ref();
            if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        }));
        hub.crash();
        hub.sleep(Duration::from_secs(1));
        hub.schedule(&Default::default());
        assert_eq!(hub.end::<i64>(&instance), Ok(15), "after {steps} steps");
        assert_eq!(hub.state("@account@a").unwrap().text(), r#"{"balance":15}"#);
    }
}

#[test]
fn what_entities_cost_does_not_depend_on_how_many_there_are_who_signal() {
    let hub = hub(Orchestrators::new().with("ask", async |ctx: OrchestrationContext, (): ()| {
        ctx.call_entity::<_, i64>(&id("@account@a"), "deposit", 1).await
    }));
    let (entity, one) = (id("@account@a"), Json::parse("1").unwrap());
    let writes = |what: &dyn Fn()| {
        let before = hub.engine.platform().operations().writes;
        what();
        hub.engine.platform().operations().writes - before
    };
    let signal = || {
        hub.run(hub.engine.signal_entity(&entity, "deposit", one.clone(), None)).unwrap();
    };
    assert_eq!(writes(&signal), 4 + 5, "the first one creates it");
    assert_eq!(writes(&signal), 4);
    (0..98).for_each(|_| signal());
    let told = hub.run(hub.engine.signal_entity(&entity, "deposit", one.clone(), None)).unwrap();
    let taken = writes(&|| {
        hub.tick(&told.key, &told.tick);
        hub.await_state("@account@a", r#"{"balance":101}"#);
    });
    // 64 messages at once; and those that were taken are deleted.
    assert_eq!(taken, 2 + 1);
    // Start 2; the slot and the step 2; the message 3, which is struck off with 1; the batch 3, with a wake entry for
    // its outbox; the answer 4, which is struck off with 1; and the last step 1.
    let asked = writes(&|| {
        let started = hub.run(hub.engine.start(Start::new("ask", Json::null()))).unwrap();
        hub.tick(&started.key, &started.tick);
        hub.sleep(Duration::from_millis(500));
        assert_eq!(hub.status(&started.id), RuntimeStatus::Completed);
    });
    assert_eq!(asked, 2 + 2 + 3 + 1 + 3 + 4 + 1 + 1);
}
