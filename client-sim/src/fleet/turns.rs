//! Whose turn it is to send.

use super::config::Mix;
use crate::workload::Role;

/// Who sends in which turn: the roles interleaved by their weights, the members of a role one after the other.
pub(crate) fn schedule(of: impl Iterator<Item = Role>, mix: Mix) -> Vec<usize> {
    let participants: Vec<Role> = of.collect();
    let roles = [Role::MarketMaker, Role::Trader, Role::Investor];
    let of_role = |role: Role| -> Vec<usize> {
        (0..participants.len())
            .filter(|index| participants[*index] == role)
            .collect()
    };
    let members = roles.map(of_role);
    let weights: Vec<u64> = roles
        .iter()
        .zip(&members)
        .map(|(role, members)| {
            if members.is_empty() {
                0
            } else {
                u64::from(mix.weight(*role))
            }
        })
        .collect();
    let total: u64 = weights.iter().sum();
    if total == 0 {
        return (0..participants.len()).collect();
    }
    // Long enough that every member has its turns.
    let longest = members.iter().map(Vec::len).max().unwrap_or(1) as u64;
    let mut credit = vec![0_i64; roles.len()];
    let mut next = [0; 3];
    (0..total * longest)
        .map(|_| {
            for (credit, weight) in credit.iter_mut().zip(&weights) {
                *credit += *weight as i64;
            }
            let role = (0..roles.len())
                .max_by_key(|role| (credit[*role], std::cmp::Reverse(*role)))
                .expect("there are three roles");
            credit[role] -= total as i64;
            let member = members[role][next[role] % members[role].len()];
            next[role] += 1;
            member
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_the_mix_and_reach_everybody() {
        use Role::{Investor, MarketMaker, Trader};
        let roles = [MarketMaker, MarketMaker, Trader, Trader, Trader, Investor];
        let turns = schedule(roles.into_iter(), Mix::default());
        let of = |role: Role| turns.iter().filter(|member| roles[**member] == role).count();
        assert_eq!((of(MarketMaker), of(Trader), of(Investor)), (18, 9, 3));
        for member in 0..roles.len() {
            assert!(turns.contains(&member), "{member} never has its turn");
        }
        // Without makers the others share.
        let turns = schedule([Trader, Investor].into_iter(), Mix::default());
        assert_eq!(turns.len(), 4);
        // A mix of nothing still lets everybody in.
        let none = Mix {
            makers: 0,
            traders: 0,
            investors: 0,
        };
        assert_eq!(schedule([Trader, Investor].into_iter(), none), [0, 1]);
    }
}
