//! A node at work: its listener, its workers, and how they stop together.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::accept::accept;
use crate::lists::{
    DRY_WORKERS, Pulling, Trashing, decide_pull, decide_trash, foresee, run_crew, run_emptier,
    run_pulse,
};
use crate::node::Node;
use crate::tls::Tls;

/// Serves requests on `listener` and works off the lists, until `stop` ends. Then nothing new is begun; what is in hand
/// is finished, for as long as the shutdown timeout allows.
pub async fn run(node: Arc<Node>, listener: TcpListener, stop: impl Future<Output = ()>) {
    run_with_tls(node, listener, None, stop).await;
}

pub(crate) async fn run_with_tls(
    node: Arc<Node>,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(());
    let mut workers = start_workers(&node, &stopped);
    let deadline = node.limits.shutdown_timeout;
    let stop_all = async {
        stop.await;
        tracing::info!("stopping: finishing what is in hand");
        node.trash_list.close();
        node.pull_list.close();
        node.dry_trash_list.close();
        node.dry_pull_list.close();
        node.halt.stop();
        // Ends the periodic workers, and starts the clock of `late`.
        drop(stopping);
    };
    let finish = async {
        accept(node.clone(), listener, tls, stop_all).await;
        while workers.join_next().await.is_some() {}
        // An act whose client has left goes on: it and its record belong to what is in hand.
        drop(node.acts.write().await);
        // What ended during the stop is not done again after the restart.
        node.trash_list.write_progress();
        node.pull_list.write_progress();
    };
    let late = async {
        let mut stopped = stopped.clone();
        while stopped.changed().await.is_ok() {}
        sleep(deadline).await;
    };
    tokio::select! {
        () = finish => tracing::info!("stopped"),
        () = late => tracing::warn!(seconds = deadline.as_secs(), "stopped with work in hand"),
    }
}

fn start_workers(node: &Arc<Node>, stopped: &watch::Receiver<()>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    workers.spawn(run_crew::<Trashing>(node.clone()));
    workers.spawn(run_crew::<Pulling>(node.clone()));
    for _ in 0..DRY_WORKERS {
        workers.spawn(decide_trash(node.clone()));
        workers.spawn(decide_pull(node.clone()));
    }
    workers.spawn(foresee(node.clone(), stopped.clone()));
    workers.spawn(run_emptier(node.clone(), stopped.clone()));
    workers.spawn(run_pulse(node.clone(), stopped.clone()));
    workers.spawn(crate::life::run(node.clone(), stopped.clone()));
    workers.spawn(crate::ledger::run(node.clone(), stopped.clone()));
    workers.spawn(crate::queue_dump::run(node.clone(), stopped.clone()));
    workers.spawn(crate::health::run(node.clone(), stopped.clone()));
    workers
}
