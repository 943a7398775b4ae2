//! Which certificate authorities are trusted: those of the web, and those that the deployment adds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::LoadError;

/// TLS that trusts Mozilla's list and the certificates in these PEM files.
pub(crate) fn trusting(files: &[PathBuf]) -> Result<ClientConfig, LoadError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for file in files {
        add(&mut roots, file).map_err(|problem| LoadError::CaCertificate { file: file.clone(), problem })?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has all of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let mut found = false;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        found = true;
    }
    if found { Ok(()) } else { Err("it contains no certificate".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_with_the_files_name() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, contents, says) in [
            ("missing.pem", None, "No such file"),
            ("empty.pem", Some(""), "no certificate"),
            (
                "key.pem",
                Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                "no certificate",
            ),
            (
                "broken.pem",
                Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                "certificate",
            ),
            ("cut.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n"), "section end"),
        ] {
            let file = directory.path().join(name);
            if let Some(contents) = contents {
                std::fs::write(&file, contents).expect("a file");
            }
            let error = trusting(&[file]).map(drop).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(says), "{error}");
        }
        assert!(trusting(&[]).is_ok());
    }
}
