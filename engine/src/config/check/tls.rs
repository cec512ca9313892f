//! Whether passwords may be read on their way: TLS at the TCP doors, or why there is none.

use std::path::{Path, PathBuf};

use toml::Spanned;

use crate::config::error::Problems;
use crate::config::{Network, Tls, file};

/// What `certificate` says where there is no TLS.
const OFF: &str = "off";

impl file::Tls {
    /// The certificate's path, unless TLS is off.
    fn certificate(&self) -> Option<&Spanned<String>> {
        self.certificate.as_ref().filter(|path| path.get_ref() != OFF)
    }
}

/// A door that others can reach has TLS, or the operator has said in words that it has none.
pub(super) fn open_plainly(file: &file::File, network: &Network, problems: &mut Problems<'_>) {
    let chosen = file.network.plain_tcp.as_ref().map(Spanned::get_ref);
    if file.tls.certificate().is_some()
        || chosen == Some(&file::PlainTcp::IAcceptThatPasswordsTravelInTheClear)
    {
        return;
    }
    let section = &file.network;
    for (key, written, address) in [
        (
            "order_entry_tcp",
            &section.order_entry_tcp,
            network.order_entry_tcp,
        ),
        ("recovery_tcp", &section.recovery_tcp, network.recovery_tcp),
        ("snapshot_tcp", &section.snapshot_tcp, network.snapshot_tcp),
    ] {
        if !address.ip().is_loopback() {
            problems.add(
                written.as_ref().map_or(0..0, Spanned::span),
                format!("network.{key}"),
                format!("{address} can be reached from elsewhere, and without TLS everybody on the way reads the passwords"),
                "name certificate and key in the section [tls] (docs/operating/tls.md), or insist in [network]: plain_tcp = \
                 \"i-accept-that-passwords-travel-in-the-clear\"",
            );
        }
    }
}

/// The files of the section, which are read once to see that they are right.
pub(super) fn tls(section: &file::Tls, problems: &mut Problems<'_>) -> Option<Tls> {
    let others = [
        ("key", &section.key),
        ("client_authority", &section.client_authority),
    ];
    let Some(certificate) = section.certificate() else {
        for (key, path) in others {
            if let Some(path) = path {
                problems.add(
                    path.span(),
                    format!("tls.{key}"),
                    "it is of no use without a certificate",
                    "name the certificate, or take the key out",
                );
            }
        }
        return None;
    };
    let Some(key) = &section.key else {
        problems.add(
            certificate.span(),
            "tls.certificate",
            "the certificate is of no use without its key",
            "name the file of its private key: key = \"FILE\"",
        );
        return None;
    };
    let tls = Tls {
        certificate: PathBuf::from(certificate.get_ref()),
        key: PathBuf::from(key.get_ref()),
        client_authority: section
            .client_authority
            .as_ref()
            .map(|path| Path::new(path.get_ref()).to_owned()),
    };
    look(&tls, section, problems);
    Some(tls)
}

#[cfg(feature = "tls")]
fn look(tls: &Tls, section: &file::Tls, problems: &mut Problems<'_>) {
    if let Err(refused) = tls.identity() {
        let (key, path) = match refused.which {
            ::tls::Which::Key => ("key", &section.key),
            ::tls::Which::Authority => ("client_authority", &section.client_authority),
            ::tls::Which::Certificate | ::tls::Which::Name => ("certificate", &section.certificate),
        };
        problems.add(
            path.as_ref().map_or(0..0, Spanned::span),
            format!("tls.{key}"),
            refused.to_string(),
            refused.remedy(),
        );
    }
}

#[cfg(not(feature = "tls"))]
fn look(_tls: &Tls, section: &file::Tls, problems: &mut Problems<'_>) {
    problems.add(
        section.certificate.as_ref().map_or(0..0, Spanned::span),
        "tls.certificate",
        "this exchange was built without TLS",
        "build it with the feature `tls`, which is on by default, or take the section out",
    );
}
