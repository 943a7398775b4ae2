//! Hostile input: answers to requests for a token. See `seed_fuzz`.

use azure_core::Timestamp;
use azure_identity::read_token;

#[test]
fn a_token_is_renewed_before_it_ends_whatever_the_answer() {
    seed_fuzz::run(env!("CARGO_MANIFEST_DIR"), "token", |body| {
        let now = Timestamp::from_second(1_633_855_777).expect("a time");
        if let Ok(fresh) = read_token(body, now) {
            assert!(now <= fresh.renew_at && fresh.renew_at < fresh.expires_at, "{fresh:?}");
            assert_eq!(fresh.value.expires_at(), fresh.expires_at);
            assert!(fresh.value.secret().expose().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    });
}
