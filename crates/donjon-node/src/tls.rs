//! TLS on the listener: certificates from files, reloaded while running (spec section 8).

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("TLS.{key}: cannot read {path}")]
    Unreadable {
        /// `Certificate` or `Key`.
        key: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds nothing of the right kind.
    #[error("TLS.{key}: {path} holds no {key} in PEM form")]
    NotPem {
        /// `Certificate` or `Key`.
        key: &'static str,
        /// The file.
        path: String,
    },
    /// The certificate and the key cannot be used together.
    #[error("TLS.Certificate and TLS.Key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate in use, which can be replaced while connections are being accepted.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Loads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Tls, TlsError> {
        let current = Arc::new(RwLock::new(Arc::new(server_config(&files)?)));
        Ok(Tls { files, current })
    }

    /// Loads the files again. Connections made from now on use what they hold.
    ///
    /// # Errors
    /// What is wrong with them. The old certificate stays in use then.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let new = Arc::new(server_config(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// For the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn server_config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let chain = pem(&files.certificate, "Certificate")?;
    let not_pem = |key, path: &Path| TlsError::NotPem { key, path: path.display().to_string() };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .map_err(|_broken| not_pem("Certificate", &files.certificate))?;
    if certificates.is_empty() {
        return Err(not_pem("Certificate", &files.certificate));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem(&files.key, "Key")?)
        .map_err(|_broken| not_pem("Key", &files.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn pem(path: &Path, key: &'static str) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable {
        key,
        path: path.display().to_string(),
        source,
    })
}
