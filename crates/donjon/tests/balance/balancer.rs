//! A balancer that goes on: `donjon balance run` as a process.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::cluster::Cluster;
use crate::program::command;

/// A balancer that goes on. Killed when dropped.
pub(crate) struct Service {
    pub(crate) child: Child,
    address: String,
}

impl Service {
    pub(crate) fn start(cluster: &Cluster) -> Service {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = cluster.arg("config.yml");
        let args =
            ["balance", "run", "--period", "3600", "--listen", &address, "--config", &config];
        let child = command(&args).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Service { child, address }
    }

    pub(crate) fn page(&self, path: &str) -> String {
        let token = "Authorization: Bearer rootrootrootrootrootrootrootroot";
        let url = format!("http://{}{path}", self.address);
        let got = Command::new("curl").args(["-s", "-H", token, &url]).output().unwrap();
        String::from_utf8(got.stdout).unwrap()
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
