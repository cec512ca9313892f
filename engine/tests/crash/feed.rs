//! Somebody who reads market data over TCP from the first message on, until the exchange is gone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use protocol::soup::{Decoder, ServerPacket, encode};

use crate::exchange::Exchange;

/// Nothing here is silent for so long: heartbeats come each second.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Feed(JoinHandle<Vec<Vec<u8>>>);

impl Feed {
    /// Begins to read; what was `known` must come again, byte for byte.
    pub(crate) fn follow(exchange: &Exchange, known: &[Vec<u8>]) -> Self {
        let mut stream = TcpStream::connect(exchange.address("recovery_tcp")).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut buffer = [0; 64];
        let length = encode::login("", "", "", 1, None, &mut buffer).expect("it fits");
        stream.write_all(&buffer[..length]).expect("it was accepted");
        let known = known.to_vec();
        Self(thread::spawn(move || read(stream, &known)))
    }

    /// What it was sent until the exchange was gone.
    pub(crate) fn ended(self) -> Vec<Vec<u8>> {
        self.0.join().expect("a subscriber found something wrong")
    }
}

fn read(mut stream: TcpStream, known: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(64 << 10);
    let mut feed: Vec<Vec<u8>> = Vec::new();
    loop {
        match decoder.next_from_server().expect("SoupBinTCP") {
            Some(ServerPacket::Sequenced(message)) => {
                if let Some(before) = known.get(feed.len()) {
                    assert_eq!(
                        message,
                        before,
                        "message {} of the feed has changed",
                        feed.len() + 1
                    );
                }
                feed.push(message.to_vec());
            }
            Some(ServerPacket::LoginRejected(reason)) => panic!("refused: {}", char::from(reason)),
            Some(_) => {}
            None => match stream.read(decoder.space()) {
                // It was killed before it had told everything again: what was known stays known.
                Ok(0) | Err(_) if feed.len() < known.len() => return known.to_vec(),
                Ok(0) | Err(_) => return feed,
                Ok(count) => decoder.filled(count),
            },
        }
    }
}
