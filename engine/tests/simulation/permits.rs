//! What accounts may do: in some seeds not all of them may trade, at first or for a while. Drawn apart, so that the other
//! seeds stay as they are.

use engine::config::AccountPermissions;
use protocol::testing::Random;

/// Makes its numbers others than the world's.
const SALT: u64 = 0x7065_726d_6974_7321;

/// What each customer may do by the file; none where all may trade and nobody changes that: in three of four seeds.
pub(crate) fn draw(seed: u64, customers: u8) -> Vec<AccountPermissions> {
    let mut random = Random::new(seed ^ SALT);
    if !random.chance(1, 4) {
        return Vec::new();
    }
    (0..customers).map(|_| one(&mut random)).collect()
}

/// Most may trade, or nothing would happen.
pub(crate) fn one(random: &mut Random) -> AccountPermissions {
    *random.pick(&[
        AccountPermissions::Trade,
        AccountPermissions::Trade,
        AccountPermissions::Trade,
        AccountPermissions::Cancel,
        AccountPermissions::View,
    ])
}

/// As the file has it.
pub(crate) fn name(permissions: AccountPermissions) -> &'static str {
    match permissions {
        AccountPermissions::Trade => "trade",
        AccountPermissions::Cancel => "cancel",
        AccountPermissions::View => "view",
    }
}
