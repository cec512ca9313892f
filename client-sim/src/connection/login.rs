//! From nothing to readiness, and back when the connection is lost.

use std::io;
use std::net::SocketAddrV4;

use protocol::order_entry::own::{BindUdp, InstrumentsRequest, OrderStatusRequest};
use zerocopy::IntoBytes;

use super::OrderEntryClient;
use super::config::Door;
use super::event::{EndReason, Event, Handler, Phase};
use super::seal::Seal;
use super::tcp::TcpLink;
use super::udp::UdpLink;

impl OrderEntryClient {
    pub(super) fn set_phase(&mut self, phase: Phase, now_ns: u64, handler: &mut impl Handler) {
        self.core.phase = phase;
        self.since_ns = now_ns;
        handler.event(now_ns, Event::Phase(phase));
    }

    pub(super) fn end(&mut self, reason: EndReason, now_ns: u64, handler: &mut impl Handler) {
        self.tcp = None;
        self.replay = None;
        self.set_phase(Phase::Ended(reason), now_ns, handler);
    }

    /// The connection is gone: tries again a little later, unless patience has run out.
    pub(super) fn lost(&mut self, error: &io::Error, now_ns: u64, handler: &mut impl Handler) {
        handler.event(now_ns, Event::Lost(error));
        self.tcp = None;
        self.replay = None;
        if matches!(self.core.phase, Phase::Ready) {
            self.down_since_ns = now_ns;
        }
        let failure = tls::Failure::of(error).filter(|failure| failure.is_final());
        if let Some(failure) = failure {
            self.end(EndReason::Untrusted(failure), now_ns, handler);
        } else if now_ns.saturating_sub(self.down_since_ns) > self.config.timing.patience_ns {
            self.end(EndReason::Unreachable, now_ns, handler);
        } else {
            self.set_phase(Phase::Waiting, now_ns, handler);
        }
    }

    pub(super) fn connect(&mut self, now_ns: u64, handler: &mut impl Handler) {
        self.attempts += 1;
        match TcpLink::begin(self.config.server, self.config.trust.as_ref()) {
            Ok(link) => {
                self.tcp = Some(link);
                self.set_phase(Phase::Connecting, now_ns, handler);
            }
            Err(error) => self.lost(&error, now_ns, handler),
        }
    }

    pub(super) fn finish_connecting(&mut self, now_ns: u64, handler: &mut impl Handler) -> usize {
        let Some(tcp) = &mut self.tcp else {
            return 0;
        };
        let sequence = self.core.wanted_sequence(self.config.start);
        let result = match tcp.is_connected() {
            Ok(false) => {
                if now_ns.saturating_sub(self.since_ns) > self.config.timing.silence_ns {
                    self.lost(&io::ErrorKind::TimedOut.into(), now_ns, handler);
                }
                return 0;
            }
            Ok(true) => {
                let name = self.core.session.unwrap_or([b' '; 10]);
                let name = std::str::from_utf8(&name).unwrap_or_default().trim();
                tcp.send_login(&self.config.username, &self.config.password, name, sequence)
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.core.heard_ns = now_ns;
                self.core.begin_login();
                self.set_phase(Phase::LoggingIn, now_ns, handler);
            }
            Err(error) => self.lost(&error, now_ns, handler),
        }
        1
    }

    /// The steps between login and readiness.
    pub(super) fn advance(&mut self, now_ns: u64, handler: &mut impl Handler) {
        match self.core.phase {
            Phase::LoggingIn if self.core.logged_in => {
                let asked = self.tcp.as_mut().is_some_and(|tcp| {
                    tcp.send_unsequenced(InstrumentsRequest { message_type: b'i' }.as_bytes())
                        && tcp.send_unsequenced(
                            OrderStatusRequest {
                                message_type: b's',
                                user_ref_num: u32::MAX.into(),
                            }
                            .as_bytes(),
                        )
                });
                debug_assert!(asked, "a fresh connection has room for two questions");
                self.set_phase(Phase::CatchingUp, now_ns, handler);
            }
            Phase::CatchingUp if self.core.is_caught_up() && !self.core.asked_next => {
                if let Some(tcp) = &mut self.tcp
                    && tcp.send_unsequenced(b"Q")
                {
                    self.core.asked_next = true;
                }
            }
            Phase::CatchingUp if self.core.next_is_known => match self.config.door {
                Door::Tcp => self.become_ready(now_ns, handler),
                Door::Udp => self.bind(now_ns, handler),
            },
            Phase::Binding => {
                if let Some(bound) = self.core.bound.take()
                    && let Some(udp) = &mut self.udp
                    && let Some(session) = &self.core.session
                {
                    let server = SocketAddrV4::new(*self.config.server.ip(), bound.udp_port.get());
                    let mac = self.config.mac.as_ref();
                    let seal = mac.map(|mac| Seal::new(mac, &bound.salt, session));
                    match udp.bind(server, bound.token, seal, now_ns) {
                        Ok(()) => {
                            self.core.counters.bindings += 1;
                            self.core.udp_heard_ns = now_ns;
                            self.become_ready(now_ns, handler);
                        }
                        Err(error) => self.lost(&error, now_ns, handler),
                    }
                }
            }
            _ => {}
        }
        let settling = matches!(
            self.core.phase,
            Phase::LoggingIn | Phase::CatchingUp | Phase::Binding
        );
        if settling && now_ns.saturating_sub(self.core.heard_ns) > self.config.timing.silence_ns {
            self.lost(&io::ErrorKind::TimedOut.into(), now_ns, handler);
        }
    }

    pub(super) fn become_ready(&mut self, now_ns: u64, handler: &mut impl Handler) {
        self.cancel_what_was_carried();
        self.ready_since_ns = now_ns;
        self.down_since_ns = now_ns;
        self.set_phase(Phase::Ready, now_ns, handler);
    }

    /// Opens a socket and asks the exchange to bind it.
    pub(super) fn bind(&mut self, now_ns: u64, handler: &mut impl Handler) {
        let Some(tcp) = &mut self.tcp else {
            return;
        };
        let opened = tcp.local_ip().and_then(|ip| {
            let mut link = UdpLink::open(ip, &self.config)?;
            if let Some(before) = &self.udp {
                link.continue_from(before);
            }
            let port = link.port()?;
            Ok((link, port))
        });
        match opened {
            Ok((link, port)) => {
                let message = BindUdp {
                    message_type: b'u',
                    udp_port: port.into(),
                };
                if tcp.send_unsequenced(message.as_bytes()) {
                    self.udp = Some(link);
                    self.core.bound = None;
                    self.set_phase(Phase::Binding, now_ns, handler);
                }
            }
            Err(error) => self.lost(&error, now_ns, handler),
        }
    }
}
