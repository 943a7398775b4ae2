//! What lists and purges cost: store operations, counted. Neither the instances before and after a page nor those that
//! were purged may raise it.

use std::time::Duration;

use futures::executor::block_on;
use longhaul::memory::{MemoryPlatform, Operations};
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Engine, InstanceKey, Json, KickError,
    Kicks, NoAnswer, OrchestrationContext, Orchestrators, Platform, Query, RuntimeStatus, SchedulerKick,
    Start, TaskHub, TickKick,
};

struct Nobody;

impl Activities for Nobody {
    async fn call(
        &self,
        _: &str,
        _: &ActivityRequest,
        _: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        unreachable!("there are no activities here")
    }
}

impl Kicks for Nobody {
    async fn tick(&self, _: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
        Ok(())
    }
}

struct Scene {
    engine: Engine<MemoryPlatform>,
    orchestrators: Orchestrators,
}

impl Scene {
    /// So many finished instances, of which each tenth has another name.
    fn new(count: usize) -> Self {
        let function = |_: OrchestrationContext, input: Json| async move { Ok(input) };
        let orchestrators = Orchestrators::new().with("ordinary", function).with("tenth", function);
        let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("listing"));
        let scene = Self { engine, orchestrators };
        scene.create(count);
        scene
    }

    fn create(&self, count: usize) {
        for number in 0..count {
            let name = if number % 10 == 0 { "tenth" } else { "ordinary" };
            let started = block_on(self.engine.start(Start::new(name, Json::null()))).unwrap();
            let tick = self.engine.tick(&started.key, &started.tick, &self.orchestrators, &Nobody, &Nobody);
            block_on(tick).unwrap();
            block_on(self.engine.platform().sleep(Duration::from_secs(1)));
        }
    }

    /// The scheduler sees that all have finished.
    fn schedule(&self) {
        block_on(self.engine.run_scheduler(&SchedulerKick::default(), &Nobody)).unwrap();
    }

    fn counted<T>(&self, work: impl Future<Output = T>) -> (T, Operations) {
        let before = self.engine.platform().operations();
        let result = block_on(work);
        (result, self.engine.platform().operations() - before)
    }

    /// The pages of a query, and what each costs.
    fn pages(&self, query: &Query) -> Vec<(usize, Operations)> {
        let mut query = query.clone();
        let mut pages = Vec::new();
        loop {
            let (page, spent) = self.counted(self.engine.list(&query));
            let page = page.unwrap();
            pages.push((page.instances.len(), spent));
            query.continuation = page.continuation;
            if query.continuation.is_none() {
                return pages;
            }
        }
    }

    fn purge(&self, query: &Query) -> (u64, Operations) {
        let (purged, spent) = self.counted(self.engine.purge_where(query, false, Duration::from_secs(3600)));
        (purged.unwrap().deleted, spent)
    }
}

fn all() -> Query {
    Query::default()
}

fn finished() -> Query {
    Query { statuses: vec![RuntimeStatus::Completed], ..all() }
}

#[test]
fn a_page_costs_the_same_among_a_thousand_and_among_a_hundred_thousand() {
    let mut costs = Vec::new();
    for count in [1_000, 100_000] {
        let scene = Scene::new(count);
        let pages = scene.pages(&finished());
        assert_eq!(pages.iter().map(|(found, _)| found).sum::<usize>(), count);
        let dearest = pages.iter().map(|(_, spent)| spent.reads).max().unwrap();
        let tenths = Query { name: Some("tenth".into()), page_size: Some(20), ..all() };
        let filtered = scene.pages(&tenths);
        assert_eq!(filtered.iter().map(|(found, _)| found).sum::<usize>(), count / 10);
        let dearest_filtered = filtered.iter().map(|(_, spent)| spent.reads).max().unwrap();
        assert!(pages.iter().chain(&filtered).all(|(_, spent)| spent.writes == 0));
        // The last hundred, found by their time.
        let since = scene.engine.platform().now() - Duration::from_secs(100);
        let recent = Query { created_from: Some(since), ..all() };
        let (page, spent) = scene.counted(scene.engine.list(&recent));
        assert_eq!(page.unwrap().instances.len(), 100);
        println!("{count}: a page {dearest} reads, filtered {dearest_filtered}, by time {}", spent.reads);
        costs.push((dearest, dearest_filtered, spent.reads));
    }
    let [(page, filtered, by_time), (page_of_many, filtered_of_many, by_time_of_many)] = costs[..] else {
        unreachable!("there are two")
    };
    // 100 instances, a slot and a record each, and what is read ahead.
    assert!(page <= 270 && page_of_many <= page + 1, "{page} reads, {page_of_many} among many");
    // 20 of 200 that are looked at.
    assert!(
        filtered <= 470 && filtered_of_many <= filtered + 1,
        "{filtered} reads, {filtered_of_many} among many"
    );
    // What was created within ten minutes before is looked at, since clocks differ; and a bisection has 7 more steps.
    assert!(by_time_of_many <= by_time + 14, "{by_time} reads, {by_time_of_many} among many");
}

#[test]
fn what_was_purged_is_walked_once_more_and_then_costs_nothing() {
    let scene = Scene::new(10_000);
    scene.schedule();
    let (deleted, spent) = scene.purge(&finished());
    assert_eq!(deleted, 10_000);
    println!("a purge of 10,000: {spent:?}");
    assert!(spent.writes <= 10_000 * 6 && spent.reads <= 10_000 * 8, "{spent:?}");
    // Whoever looks next finds out that nothing is left, if the purge itself has not noted it.
    scene.create(50);
    scene.schedule();
    for (query, most) in [(all(), 10_200), (all(), 150), (finished(), 150)] {
        let (page, spent) = scene.counted(scene.engine.list(&query));
        assert_eq!(page.unwrap().instances.len(), 50);
        assert!(spent.reads <= most, "{spent:?}");
    }
    // Nor does the search for a time.
    for ago in [60, 3_600, 9_000] {
        let from = Some(scene.engine.platform().now() - Duration::from_secs(ago));
        let (page, spent) = scene.counted(scene.engine.list(&Query { created_from: from, ..all() }));
        assert_eq!(page.unwrap().instances.len(), 50);
        assert!(spent.reads <= 2_500 && spent.writes == 0, "since {ago} s: {spent:?}");
    }
}

#[test]
fn a_purged_stretch_in_the_middle_is_gone_past() {
    let scene = Scene::new(3_000);
    scene.schedule();
    let start = scene.engine.platform().now() - Duration::from_secs(3_000);
    let at = |seconds: u64| Some(start + Duration::from_secs(seconds));
    let middle = Query { created_from: at(1_000), created_to: at(1_999), ..all() };
    assert_eq!(scene.purge(&middle).0, 1_000);
    let list = || {
        let (page, spent) = scene.counted(scene.engine.list(&Query { page_size: Some(5_000), ..all() }));
        assert_eq!(page.unwrap().instances.len(), 2_000);
        spent
    };
    list();
    let spent = list();
    // 2000 instances, with slot and record, and what is left of the blocks at the ends of the stretch.
    assert!(spent.reads <= 4_000 + 600 && spent.writes == 0, "{spent:?}");
    // A time in the middle of what was purged leads to what comes after it.
    let query = Query { created_from: at(1_700), page_size: Some(10), ..all() };
    let (page, spent) = scene.counted(scene.engine.list(&query));
    assert_eq!(page.unwrap().instances[0].head.created, at(2_000).unwrap());
    assert!(spent.reads <= 1_500, "{spent:?}");
    assert_eq!(block_on(scene.engine.count(&all())).unwrap(), 2_000);
}

#[test]
fn a_purge_that_finds_nothing_ends_in_time() {
    let scene = Scene::new(1_000);
    let query = Query { statuses: vec![RuntimeStatus::Failed], ..all() };
    let purged = block_on(scene.engine.purge_where(&query, false, Duration::ZERO)).unwrap();
    assert_eq!((purged.deleted, purged.continuation), (0, Some(1)));
}
