//! The quick way for blocks that have exactly the copies that they should: most of a cluster that has come to rest.

use super::decision::{Action, Decision};
use super::facts::{BlockFacts, Place, Standing};
use super::layout::{Device, Layout};
use super::ranking::Ranking;
use super::reason::KeepReason;
use super::tally::Fate;

/// With more copies, comparing each with each costs more than planning.
const COPIES_MAX: u32 = 8;

/// Decides the block, or leaves `decision` clear if it must be planned.
///
/// A block is satisfied if copies are wanted in one class only, and there are as many replicas as copies, each sound, on one
/// device of its own with replication 1 in that class, on a server of its own, and no better server could take one. Then the
/// passes of a plan stop at exactly these replicas.
pub(super) fn decide(
    layout: &Layout,
    facts: &BlockFacts<'_>,
    ranking: &mut Ranking,
    decision: &mut Decision,
) -> Option<()> {
    let need = facts.wish.sole()?;
    if need.copies > COPIES_MAX || usize::try_from(need.copies) != Ok(facts.replicas.len()) {
        return None;
    }
    let pullable = layout.pullable(need.class)?;
    for (at, replica) in facts.replicas.iter().enumerate() {
        let device = device(layout, replica.place)?;
        let plain = replica.standing == Standing::Sound
            && device.views().len() == 1
            && device.replication().get() == 1
            && device.classes().contains(&need.class);
        let server = server(layout, device);
        let alone = facts.replicas[..at]
            .iter()
            .filter_map(|other| self::device(layout, other.place))
            .all(|other| self::server(layout, other) != server);
        if !plain || !alone {
            return None;
        }
    }

    let weights = ranking.weights(layout);
    let holders = facts.replicas.iter().filter_map(|replica| device(layout, replica.place));
    let worst = holders.clone().map(|device| weights[server(layout, device)]).min()?;
    // As many servers as there are copies weigh as much as the worst holder: these are the holders themselves.
    let contenders =
        pullable.iter().zip(weights).filter(|(takes, weight)| **takes && **weight >= worst).count();
    let among_them = holders.filter(|device| pullable[server(layout, device)]).count();
    if contenders > among_them {
        return None;
    }

    for replica in facts.replicas {
        let Place::Device(device) = replica.place else { continue };
        decision.actions.push(Action::Keep(KeepReason::WantedHere));
        decision.sound_copies += 1;
        decision.count(layout, device, Fate::Needed);
    }
    decision.conclude(facts);
    Some(())
}

fn device(layout: &Layout, place: Place) -> Option<&Device> {
    match place {
        Place::Device(device) => Some(layout.device(device)),
        Place::Mount(_) => None,
    }
}

/// The place of the server of a device that one server sees.
fn server(layout: &Layout, device: &Device) -> usize {
    layout.mount(device.views()[0]).server().place()
}
