use http::Method;

use super::{ClientError, KeepClient, answer};
use crate::paths;

/// The longest metrics page: some thousands of lines.
const METRICS_MAX: usize = 16 << 20;

impl KeepClient {
    /// Whether the process answers. Needs the management token. Tests no volume (spec section 9).
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if the node has no management token, so that its health page is off.
    pub async fn health(&self) -> Result<(), ClientError> {
        self.ask(Method::GET, paths::HEALTH).await.map(drop)
    }

    /// The metrics as Prometheus text. Needs the management token, if the node has one.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 401 or 403 for a missing or wrong token.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let response = self.ask(Method::GET, paths::METRICS).await?;
        let text = answer::whole(response, self.silence_max, "metrics", METRICS_MAX).await?;
        String::from_utf8(text).map_err(|error| ClientError::Malformed {
            what: "metrics",
            detail: error.utf8_error().to_string(),
        })
    }
}
