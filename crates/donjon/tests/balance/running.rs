//! A balancer that goes on, and its pages.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::{Cluster, text};
use crate::program::command;

/// A balancer that goes on. Killed when dropped.
pub(crate) struct Service {
    child: Child,
    address: String,
    log: std::path::PathBuf,
}

impl Service {
    pub(crate) fn start(cluster: &Cluster) -> Service {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = cluster.arg("config.yml");
        let args =
            ["balance", "run", "--period", "3600", "--listen", &address, "--config", &config];
        let log = cluster.path("balance.log");
        let to = File::create(&log).unwrap();
        let child = command(&args).stdin(Stdio::null()).stderr(to).spawn().unwrap();
        Service { child, address, log }
    }

    pub(crate) fn page(&self, path: &str) -> String {
        let token = "Authorization: Bearer rootrootrootrootrootrootrootroot";
        let url = format!("http://{}{path}", self.address);
        let got = Command::new("curl").args(["-s", "-H", token, &url]).output().unwrap();
        String::from_utf8(got.stdout).unwrap()
    }

    /// The log, JSON lines.
    pub(crate) fn log(&self) -> String {
        text(&self.log)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; gives its exit status.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let page = self.page("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.parse().ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
