//! What the balancer reads of a cluster's file (`spec/keep-balance.md` section 5.1), and its own keys in `Donjon.Balance`.

use std::path::PathBuf;
use std::time::Duration;

use super::duration::DURATION_MAX;
use super::identity::{ServiceUrl, service_url};
use super::problem::{Problem, shown};
use super::report::Report;
use super::section::{OtherKeys, Section};

const SIX_HOURS: Duration = Duration::from_secs(6 * 3600);

/// Entries of one list, replicas of one block: a thousand million is no wish, it is a slip.
const COUNT_MAX: u64 = 1_000_000_000;

/// What a balancer needs to know beside the nodes and their token, checked.
#[derive(Clone, Debug)]
pub struct BalanceSettings {
    /// `BalancePeriod`: from the start of a run to the start of the next. `None` (0 in the file): only `once` works.
    pub period: Option<Duration>,
    /// `BalanceTimeout`: how long a run may take as a whole.
    pub timeout: Duration,
    /// `BalancePullLimit`: entries in the pull list of one node. 0: pull lists are computed and not sent.
    pub pull_limit: u64,
    /// `BalanceTrashLimit`: the same of trash lists.
    pub trash_limit: u64,
    /// `BalanceUpdateLimit`: how many collections get new confirmed columns in a run.
    pub update_limit: u64,
    /// `DefaultReplication`: how many copies a collection has that does not say.
    pub default_replication: u32,
    /// `BlobMissingReport`: where lost blocks are listed.
    pub missing_report: Option<PathBuf>,
    /// `PostgreSQL.Connection`: the database with the collections.
    pub database: Option<DatabaseAddress>,
    /// `Services.Keepbalance.InternalURLs`: where the balancer serves its metrics; the first one.
    pub listen: Option<ServiceUrl>,
    /// `Donjon.Balance.Manifests`: a directory of manifests whose blocks are kept.
    pub manifests: Option<PathBuf>,
    /// `Donjon.Balance.StateDir`: where plans and what was sent are kept, and the lock.
    pub state_dir: Option<PathBuf>,
    /// How much a run may change before it stops and asks.
    pub brakes: Brakes,
    /// `MaxClockSkew`: how far the clocks of nodes may be from ours.
    pub clock_skew_max: Duration,
    /// `PlanMaxAge`: how old a plan may be when it is applied.
    pub plan_max_age: Duration,
    /// `Memory`: MiB that sorting may take.
    pub memory: usize,
    /// `ClassFirst`: which copies are best.
    pub class_order: ClassOrder,
}

/// How much a run may change without being told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brakes {
    /// `MaxTrashPercent`: of all blocks, or bytes, that may be trashed in one run. 100 switches it off.
    pub trash_percent: u8,
    /// `MaxDropPercent`: by how much collections, or referenced blocks, may be fewer than in the run before.
    pub drop_percent: u8,
    /// `BrakeFloor`: so few blocks or collections never stop a run.
    pub floor: u64,
}

/// Where copies of a block are best (`spec/keep-balance.md` section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassOrder {
    /// On different nodes, as keep-balance has it, though one be outside the class.
    ServerFirst,
    /// In the class, though two be on one node.
    ClassFirst,
}

/// How to reach the database. Not shown: it holds a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// `Host`: a name, an address, or the directory of a socket.
    pub host: String,
    /// `Port`; 5432 unless told.
    pub port: u16,
    /// `User`.
    pub user: String,
    /// `Password`.
    pub password: String,
    /// `DBName`.
    pub name: String,
}

/// Shows the place, not the password.
impl std::fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseAddress")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The sections in which a balancer's keys stand.
pub(super) struct BalanceSections<'s, 'a> {
    pub(super) collections: &'s mut Section<'a>,
    pub(super) own: Section<'a>,
    pub(super) services: &'s mut Section<'a>,
    pub(super) database: Section<'a>,
}

impl BalanceSettings {
    pub(super) fn read(sections: BalanceSections<'_, '_>, report: &mut Report) -> Self {
        let BalanceSections { collections, mut own, services, database } = sections;
        let any = Duration::ZERO..=DURATION_MAX;
        let period = collections.duration("BalancePeriod", SIX_HOURS, any.clone(), report);
        let timeout = collections.duration(
            "BalanceTimeout",
            SIX_HOURS,
            Duration::from_secs(1)..=DURATION_MAX,
            report,
        );
        let mut limit = |key| collections.number(key, 100_000, 0..=COUNT_MAX, report);
        let pull_limit = limit("BalancePullLimit");
        let trash_limit = limit("BalanceTrashLimit");
        let update_limit = limit("BalanceUpdateLimit");
        let default_replication = collections.number("DefaultReplication", 2, 1..=1000, report);
        let missing_report = path(collections, "BlobMissingReport", report);
        let manifests = path(&mut own, "Manifests", report);
        let state_dir = path(&mut own, "StateDir", report);
        let brakes = Brakes {
            trash_percent: own.number("MaxTrashPercent", 20, 0..=100, report),
            drop_percent: own.number("MaxDropPercent", 20, 0..=100, report),
            floor: own.number("BrakeFloor", 100, 0..=COUNT_MAX, report),
        };
        let clock_skew_max =
            own.duration("MaxClockSkew", Duration::from_secs(60), any.clone(), report);
        let plan_max_age = own.duration("PlanMaxAge", SIX_HOURS, any, report);
        let memory = own.number("Memory", 256, 16..=1_048_576, report);
        let class_first = own.flag("ClassFirst", false, report);
        own.close(OtherKeys::Unknown, report);
        BalanceSettings {
            period: (!period.is_zero()).then_some(period),
            timeout,
            pull_limit,
            trash_limit,
            update_limit,
            default_replication,
            missing_report,
            database: DatabaseAddress::read(database, report),
            listen: listen(services, report),
            manifests,
            state_dir,
            brakes,
            clock_skew_max,
            plan_max_age,
            memory,
            class_order: if class_first { ClassOrder::ClassFirst } else { ClassOrder::ServerFirst },
        }
    }
}

impl DatabaseAddress {
    /// `None` if no database is named at all.
    fn read(mut section: Section<'_>, report: &mut Report) -> Option<Self> {
        let mut connection = section.section("Connection", report);
        let host = connection.text("host", report).to_owned();
        let user = connection.text("user", report).to_owned();
        let password = connection.text("password", report).to_owned();
        let name = connection.text("dbname", report).to_owned();
        let port = match connection.text("port", report) {
            "" => 5432,
            text => text.parse().unwrap_or_else(|_not_a_port| {
                report.mistake(
                    &connection.child("port"),
                    Problem::NotA { found: shown(text), wanted: "a port, such as \"5432\"" },
                );
                5432
            }),
        };
        let named = !(host.is_empty() && name.is_empty());
        connection.close(OtherKeys::ForOtherPrograms, report);
        section.close(OtherKeys::ForOtherPrograms, report);
        named.then_some(DatabaseAddress { host, port, user, password, name })
    }
}

fn listen(services: &mut Section<'_>, report: &mut Report) -> Option<ServiceUrl> {
    let mut keepbalance = services.section("Keepbalance", report);
    let urls = keepbalance.section("InternalURLs", report);
    let first = urls.named().next();
    let url = first.and_then(|entry| service_url(&entry.path, entry.name, report));
    keepbalance.close(OtherKeys::ForOtherPrograms, report);
    url
}

fn path(section: &mut Section<'_>, key: &'static str, report: &mut Report) -> Option<PathBuf> {
    let text = section.text(key, report);
    if !text.is_empty() && !text.starts_with('/') {
        report.mistake(&section.child(key), Problem::RelativeRoot { found: shown(text) });
    }
    (!text.is_empty()).then(|| PathBuf::from(text))
}
