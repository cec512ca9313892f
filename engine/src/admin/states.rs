//! States of instruments, and the end of the day.

use std::thread;
use std::time::Instant;

use super::changes::{Changes, LOOK, PATIENCE};
use super::desk::Outcome;
use super::listing::state_text;
use super::questions::{instrument, said};
use super::request::StateName;
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::instrument::State;
use protocol::market_data::values::event_code;

impl Changes<'_> {
    pub(super) fn state(
        &mut self,
        symbol: Option<&str>,
        state: StateName,
        cross: Option<char>,
    ) -> Result<Option<String>, String> {
        let cross = match cross {
            None => 0,
            Some(cross @ ('O' | 'C' | 'H')) => cross as u8,
            Some(other) => {
                return Err(format!(
                    "{other:?} is no cross: O opening, C closing, H after a halt"
                ));
            }
        };
        let instruments = match symbol {
            Some(symbol) => vec![instrument(&self.office.bell, symbol)?],
            None => {
                let others = self
                    .standings()?
                    .into_iter()
                    .filter(|(_, is)| *is != state.state());
                others.map(|(locate, _)| locate).collect()
            }
        };
        if instruments.is_empty() {
            return Ok(Some(format!(
                "all of them are {} already",
                state_text(state.state())
            )));
        }
        for locate in instruments {
            self.set_state(locate, state.state(), cross)?;
        }
        Ok(None)
    }

    fn set_state(&mut self, locate: u16, state: State, cross: u8) -> Result<Outcome, String> {
        self.give(Command {
            instrument: locate,
            ..Command::new(CommandKind::SetState).with_auction(state as u8, cross)
        })
    }

    /// The state of each instrument.
    fn standings(&self) -> Result<Vec<(u16, State)>, String> {
        let standings = self.office.bell.look(|replica| {
            let exchange = replica.exchange();
            let all = (1..=exchange.instrument_count()).filter_map(|locate| {
                let instrument = exchange.instrument(locate)?;
                Some((locate, instrument.state))
            });
            all.collect()
        });
        standings.map_err(said)
    }

    /// Closes all instruments and says that the day has ended; half a minute later the engine's schedule rolls it.
    pub(super) fn roll(&mut self) -> Result<Option<String>, String> {
        const ENDING: [u8; 3] = [
            event_code::END_OF_MARKET_HOURS,
            event_code::END_OF_SYSTEM_HOURS,
            event_code::END_OF_MESSAGES,
        ];
        let system_event = |changes: &Self| {
            let told = changes
                .office
                .bell
                .look(|replica| replica.exchange().last_system_event());
            told.map(|told| told.map_or(b' ', |told| told.code)).map_err(said)
        };
        if !ENDING.contains(&system_event(self)?) {
            self.close_all()?;
            let ends = Command::new(CommandKind::SystemEvent).with_state(event_code::END_OF_MARKET_HOURS);
            self.give(ends)?;
        }
        // The schedule goes on from there. With times of the day it would wait for the last of them.
        let began = Instant::now();
        while self.office.shown.config.day.is_some() {
            match system_event(self)? {
                event_code::END_OF_SYSTEM_HOURS => {
                    let ends = Command::new(CommandKind::SystemEvent).with_state(event_code::END_OF_MESSAGES);
                    self.give(ends)?;
                    break;
                }
                event_code::END_OF_MARKET_HOURS if began.elapsed() < PATIENCE => {
                    thread::sleep(LOOK);
                }
                _ => break,
            }
        }
        Ok(Some(
            "the day rolls half a minute after the end of messages; then connections close, and the next one begins".to_owned(),
        ))
    }

    fn close_all(&mut self) -> Result<(), String> {
        for (locate, state) in self.standings()? {
            if state != State::Closed {
                self.set_state(locate, State::Closed, 0)?;
            }
        }
        Ok(())
    }
}
