//! Single decisions, each for one rule that the cases do not show, and what they are explained with.

use keep_rules::balance::{
    Action, Allows, BlockFacts, Category, Decider, Decision, KeepReason, Layout, MountFacts, Place,
    Policy, PullReason, Reach, Replica, ServerAccess, ServerFacts, Sizes, Standing, Statistics,
    TrashReason, Urgency, WishBook,
};
use keep_rules::{BlockHash, ClassSet, Replication, Timestamp};

const MIN: i64 = 1_700_000_000_000_000_000;

/// Servers with one disk of their own each, in the order in which they rank for the block: r0, r1, r2 …
struct Ranked {
    layout: Layout,
    book: WishBook,
    replicas: Vec<Replica>,
    sizes: Sizes,
}

fn facts(at: usize, allows: Allows, classes: &str) -> ServerFacts {
    let disk = MountFacts {
        uuid: format!("zzzzz-nyw5e-{at:015}").parse().expect("a name"),
        device_id: None,
        allows,
        replication: Replication::ONE,
        classes: ClassSet::from_header(classes),
    };
    ServerFacts {
        uuid: format!("zzzzz-bi6l4-{at:015}"),
        url: format!("http://keep{at}"),
        access: ServerAccess::ReadWrite,
        mounts: vec![disk],
    }
}

impl Ranked {
    fn new(servers: Vec<ServerFacts>) -> Self {
        let layout = Layout::new(servers).expect("it is possible");
        let book = WishBook::new(&layout);
        Ranked { layout, book, replicas: Vec::new(), sizes: Sizes::Agree }
    }

    fn plain(count: usize) -> Self {
        Ranked::new((0..count).map(|at| facts(at, Allows::WriteAndTrash, "default")).collect())
    }

    /// The disk on the server of this rank.
    fn place(&self, rank: usize) -> Place {
        let server = self.layout.server_order(BlockHash::EMPTY)[rank];
        let mount = self.layout.server(server).mounts().next().expect("one disk each");
        Place::Device(self.layout.mount(mount).device())
    }

    /// A replica at that rank, so many nanoseconds before the instant that divides old and new.
    fn with(mut self, rank: usize, before: i64) -> Self {
        let mtime = Timestamp::from_nanos(MIN - before);
        self.replicas.push(Replica { place: self.place(rank), mtime, standing: Standing::Sound });
        self
    }

    fn doomed(mut self, rank: usize, before: i64) -> Self {
        self = self.with(rank, before);
        self.replicas.last_mut().expect("just pushed").standing = Standing::Doomed;
        self
    }

    fn sizes_differ(mut self) -> Self {
        self.sizes = Sizes::Differ;
        self
    }

    fn decide(&mut self, wish: &[(&str, u32)]) -> Decision {
        self.decide_counting(wish, &mut Statistics::default())
    }

    fn decide_counting(&mut self, wish: &[(&str, u32)], statistics: &mut Statistics) -> Decision {
        let wanted: Vec<_> =
            wish.iter().map(|(class, copies)| (class.parse().expect("a name"), *copies)).collect();
        let wish = self.book.intern(wanted.iter().map(|(class, copies)| (class, *copies)));
        let facts = BlockFacts {
            hash: BlockHash::EMPTY,
            replicas: &self.replicas,
            sizes: self.sizes,
            wish: self.book.wish(wish.expect("few wishes")),
            min_mtime: Timestamp::from_nanos(MIN),
        };
        let mut decider = Decider::new(&self.layout, Policy::ServerFirst);
        let decision = decider.decide(&facts).clone();
        statistics.count(1_000, &facts, &decision);
        assert_eq!(*decider.decide(&facts), decision, "the same facts give the same decision");
        decision
    }
}

/// The reasons, in the order of the replicas.
#[track_caller]
fn check(decision: &Decision, reasons: &[&str]) {
    let found: Vec<&str> = decision
        .actions()
        .iter()
        .map(|action| match action {
            Action::Keep(reason) => reason.as_str(),
            Action::Trash { reason, .. } => reason.as_str(),
        })
        .collect();
    assert_eq!(found, reasons);
}

#[test]
fn what_is_wanted_here_says_so() {
    let decision = Ranked::plain(4).with(0, 1).with(1, 2).decide(&[("default", 2)]);
    check(&decision, &["wanted_here", "wanted_here"]);
    assert!(decision.is_settled() && decision.category() == Category::Balanced);
}

#[test]
fn copies_at_worse_places_protect_until_the_pulls_are_done() {
    let decision = Ranked::plain(4).with(2, 1).with(3, 2).decide(&[("default", 2)]);
    check(&decision, &["protects_until_pulled", "protects_until_pulled"]);
    assert_eq!(decision.pulls().len(), 2);
    assert!(decision.pulls().iter().all(|pull| pull.reason == PullReason::BetterPlace));
}

#[test]
fn excess_goes_unless_it_is_new_or_untrashable() {
    let decision =
        Ranked::plain(4).with(0, 1).with(1, 2).with(2, 0).with(3, 3).decide(&[("default", 2)]);
    check(&decision, &["wanted_here", "wanted_here", "too_new", "excess"]);
    let read_only = (0..4).map(|at| facts(at, Allows::Nothing, "default")).collect();
    let decision =
        Ranked::new(read_only).with(0, 1).with(1, 2).with(2, 3).decide(&[("default", 1)]);
    check(&decision, &["wanted_here", "cannot_be_trashed", "cannot_be_trashed"]);
}

#[test]
fn of_equal_mtimes_one_goes_at_a_time_and_none_that_equals_a_needed_one() {
    let decision = Ranked::plain(5).with(0, 1).with(1, 9).with(2, 9).decide(&[("default", 1)]);
    check(&decision, &["wanted_here", "excess", "one_for_each_mtime"]);
    let decision = Ranked::plain(5).with(0, 1).with(1, 1).with(2, 9).decide(&[("default", 1)]);
    check(&decision, &["wanted_here", "shares_mtime", "excess"]);
}

#[test]
fn nothing_goes_while_a_class_is_short() {
    let decision = Ranked::plain(4).with(0, 1).with(2, 2).decide(&[("default", 1), ("nowhere", 1)]);
    check(&decision, &["wanted_here", "block_short"]);
    let nowhere = decision.classes().last().unwrap();
    assert_eq!(nowhere.reach, Reach::Unachievable);
}

#[test]
fn sizes_that_differ_stop_all_trash_of_the_block() {
    check(&Ranked::plain(3).with(1, 1).sizes_differ().decide(&[]), &["sizes_differ"]);
    let decision =
        Ranked::plain(3).with(0, 1).with(1, 2).with(2, 2).sizes_differ().decide(&[("default", 1)]);
    check(&decision, &["wanted_here", "sizes_differ", "sizes_differ"]);
    // If no replica has the right size, the block is lost, whatever else there is.
    assert!(Ranked::plain(3).sizes_differ().decide(&[("default", 1)]).is_lost());
}

#[test]
fn a_device_with_two_mtimes_is_left_alone() {
    check(
        &Ranked::plain(3).with(1, 5).with(1, 6).with(2, 7).decide(&[]),
        &["mtime_uncertain", "mtime_uncertain", "unreferenced"],
    );
    // It counts once, so these are two copies and not three.
    let decision = Ranked::plain(4).with(0, 5).with(0, 6).with(1, 7).decide(&[("default", 3)]);
    check(&decision, &["wanted_here"; 3]);
    assert_eq!((decision.sound_copies(), decision.pulls().len()), (2, 1));
}

#[test]
fn the_same_replica_twice_is_one_with_one_entry() {
    let decision = Ranked::plain(3).with(1, 5).with(1, 5).decide(&[]);
    assert_eq!(decision.counts().unneeded, 1);
    check(&decision, &["unreferenced", "one_for_each_mtime"]);
}

#[test]
fn garbage_says_whether_anybody_named_it() {
    check(&Ranked::plain(3).with(1, 1).with(2, 2).decide(&[]), &["unreferenced", "unreferenced"]);
    check(
        &Ranked::plain(3).with(1, 1).with(2, 1).decide(&[("default", 0)]),
        &["no_copies_wanted", "one_for_each_mtime"],
    );
}

#[test]
fn a_doomed_copy_does_not_count_and_stays_if_it_is_needed_again() {
    // Two copies at the best places, but one may be gone: the third is needed, whatever its rank.
    let decision = Ranked::plain(4).with(0, 1).doomed(1, 2).with(3, 3).decide(&[("default", 2)]);
    check(&decision, &["wanted_here", "wanted_here", "protects_until_pulled"]);
    assert_eq!(decision.sound_copies(), 2);
    // With two others it may go on being trashed.
    let decision = Ranked::plain(4).with(0, 1).with(1, 2).doomed(2, 3).decide(&[("default", 2)]);
    check(&decision, &["wanted_here", "wanted_here", "excess"]);
    // The last copy is doomed, and wanted again: it is not listed any more, and serves the pulls if it is still there.
    let decision = Ranked::plain(4).doomed(3, 1).decide(&[("default", 1)]);
    check(&decision, &["block_short"]);
    assert_eq!(
        (decision.pulls().len(), decision.sources().len(), decision.is_lost()),
        (1, 1, false)
    );
    let urgency = Urgency::of_pull(&decision, &decision.pulls()[0]);
    assert_eq!(urgency, Urgency::TooFewCopies { copies: 0 });
}

#[test]
fn pulls_say_why_and_where_from() {
    let mut ranked = Ranked::plain(4).with(2, 1).doomed(3, 2);
    let decision = ranked.decide(&[("default", 3)]);
    assert!(decision.pulls().iter().all(|pull| pull.reason == PullReason::TooFewCopies));
    let order = ranked.layout.server_order(BlockHash::EMPTY);
    assert_eq!(decision.sources(), [order[2]], "a doomed copy is no source beside a sound one");
    let servers = (0..4)
        .map(|at| facts(at, Allows::WriteAndTrash, if at < 2 { "archive" } else { "default" }));
    let mut ranked = Ranked::new(servers.collect());
    for at in 2..4 {
        let place = Place::Device(ranked.layout.device_index(at).unwrap());
        let mtime = Timestamp::from_nanos(MIN - i64::from(at));
        ranked.replicas.push(Replica { place, mtime, standing: Standing::Sound });
    }
    let decision = ranked.decide(&[("archive", 1)]);
    assert_eq!(decision.pulls()[0].reason, PullReason::TooFewInClass);
    assert_eq!(ranked.book.class(decision.pulls()[0].class).as_str(), "archive");
}

#[test]
fn a_block_is_lost_even_if_nothing_can_be_written() {
    let read_only = (0..3).map(|at| facts(at, Allows::Nothing, "default")).collect();
    let decision = Ranked::new(read_only).decide(&[("default", 1)]);
    assert!(decision.is_lost() && decision.is_settled());
    assert!(!Ranked::plain(3).decide(&[("default", 0)]).is_lost());
    assert!(!Ranked::plain(3).decide(&[]).is_lost());
}

#[test]
fn statistics_are_the_same_however_they_are_brought_together() {
    type Wanted = &'static [(&'static str, u32)];
    let blocks: [(fn() -> Ranked, Wanted); 6] = [
        (|| Ranked::plain(4).with(0, 1).with(1, 2), &[("default", 2)]),
        (|| Ranked::plain(4).with(0, 1).with(1, 2).with(2, 3), &[("default", 1)]),
        (|| Ranked::plain(4).with(3, 1), &[("default", 2)]),
        (|| Ranked::plain(4).with(3, 1).with(2, 2), &[]),
        (|| Ranked::plain(4), &[("default", 2)]),
        (|| Ranked::plain(4).with(1, -5), &[]),
    ];
    let mut all = Statistics::default();
    let mut parts = Vec::new();
    for (block, wish) in blocks {
        block().decide_counting(wish, &mut all);
        let mut part = Statistics::default();
        block().decide_counting(wish, &mut part);
        parts.push(part);
    }
    let mut sum = Statistics::default();
    parts.iter().rev().for_each(|part| sum += part);
    assert_eq!(sum, all);

    let total = all.total();
    assert_eq!((total.blocks, total.replicas, total.bytes), (6, 9, 9_000));
    assert_eq!(all.histogram(), [1, 2, 2, 1]);
    let category = |category| {
        let usage = all.category(category);
        (usage.blocks, usage.replicas, usage.bytes)
    };
    assert_eq!(category(Category::Balanced), (1, 2, 2_000));
    assert_eq!(category(Category::Overreplicated), (1, 2, 2_000));
    assert_eq!(category(Category::Underreplicated), (1, 2, 2_000));
    assert_eq!(category(Category::Garbage), (1, 2, 2_000));
    assert_eq!(category(Category::Transient), (1, 1, 1_000));
    assert_eq!(category(Category::Lost), (1, 1, 1_000));
    assert_eq!(all.trashed(TrashReason::Unreferenced), 2);
    assert_eq!(all.trashed(TrashReason::Excess), 2);
    assert_eq!(all.kept(KeepReason::TooNew), 1);
    assert_eq!(all.pulled(PullReason::TooFewCopies), 2);
    let default = Ranked::plain(1).layout.classes()[0].clone();
    assert_eq!(default.as_str(), "default");
}

#[test]
fn every_reason_is_a_sentence() {
    let sentences = KeepReason::ALL
        .iter()
        .map(|reason| reason.sentence())
        .chain(TrashReason::ALL.iter().map(|reason| reason.sentence()))
        .chain(PullReason::ALL.iter().map(|reason| reason.sentence()))
        .chain(Category::ALL.map(Category::sentence));
    for sentence in sentences {
        assert!(sentence.ends_with('.') && sentence.matches(". ").count() == 0, "{sentence}");
    }
}
