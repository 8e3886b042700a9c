//! What a file promises besides: it outlives the process, and only what is ours and whole is used.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use dingtalk_h5::state::{Claim, Location, SealingKeys, State, Unavailable, Unread};

use super::{LIFETIME, Place, corp, new_path, user};

/// Takes an authCode as a login does that has a state of its own.
async fn take(state: &State, code: u8) -> Result<Claim<'_>, Unavailable> {
    state.claim([code; 32], rand::random()).await
}

/// A file in which something of each kind is kept.
async fn filled() -> Place {
    let place = Place::in_a_file();
    let state = place.open();
    take(&state, 1).await.unwrap().code_sent();
    state.end_session(7);
    state.end_sessions_of_person(corp("dingcanary1"), user("annacanary"), place.clock().moment());
    place
}

fn refused(place: &Place) -> Unread {
    place.try_open().err().unwrap()
}

#[tokio::test]
async fn what_was_kept_is_known_after_a_restart_and_is_then_forgotten_in_its_time() {
    let place = filled().await;
    place.hands.advance(Duration::from_secs(100));
    let (state, began) = (place.open(), place.clock().moment_at(0));
    assert_eq!(take(&state, 1).await.err(), Some(Unavailable::CodeUsed));
    assert!(state.has_ended(7, &corp("ding2"), &user("berta"), place.clock().moment()));
    assert!(state.has_ended(8, &corp("dingcanary1"), &user("annacanary"), began));
    place.hands.advance(Duration::from_secs(200));
    assert!(take(&state, 1).await.is_ok());
    drop(state);
    assert!(take(&place.open(), 1).await.is_ok());
}

#[tokio::test]
async fn a_file_whose_creation_was_cut_off_is_begun_anew() {
    let place = Place::in_a_file();
    drop(redb::Database::create(place.path()).unwrap());
    let new = std::fs::read(place.path()).unwrap();
    // The library makes it so long, writes its header, and last its magic number.
    for written in [9, 10, 100, 320] {
        let mut unfinished = vec![0; new.len()];
        unfinished[9..written].copy_from_slice(&new[9..written]);
        std::fs::write(place.path(), &unfinished).unwrap();
        place.open().end_session(7);
        let ended = place.open().has_ended(7, &corp("ding2"), &user("berta"), place.clock().moment());
        assert!(ended, "{written} bytes were written");
    }
}

#[tokio::test]
async fn a_file_with_rows_whose_beginning_is_lost_is_refused_and_left_alone() {
    let place = filled().await;
    let mut damaged = std::fs::read(place.path()).unwrap();
    damaged[..512].fill(0);
    std::fs::write(place.path(), &damaged).unwrap();
    assert!(matches!(refused(&place), Unread::Foreign));
    assert!(std::fs::read(place.path()).unwrap() == damaged);
}

#[tokio::test]
async fn a_start_with_a_clock_that_is_behind_forgets_no_end_of_a_session() {
    let place = Place::in_a_file();
    let began = place.clock().moment();
    place.hands.advance(Duration::from_secs(600));
    let state = place.open();
    state.end_sessions_of_organisation(corp("ding1"), place.clock().moment());
    drop(state);
    let behind = 3600;
    place.hands.set_time_of_day(-behind);
    let state = place.open();
    place.hands.set_time_of_day(behind);
    place.hands.advance(Duration::from_secs(1));
    assert!(state.is_over(&corp("ding1"), &user("anna"), began), "now the clock is right");
    drop(state);
    assert!(place.open().is_over(&corp("ding1"), &user("anna"), began), "and after the next start");
}

#[tokio::test]
async fn sessions_that_were_ended_while_the_clock_was_ahead_have_ended_and_new_ones_begin() {
    for ahead in [600, 3600, 400 * 24 * 3600] {
        let place = Place::in_a_file();
        place.hands.set_time_of_day(ahead);
        let state = place.open();
        state.end_sessions_of_person(corp("ding1"), user("anna"), place.clock().moment());
        state.end_sessions_of_organisation(corp("ding2"), place.clock().moment());
        drop(state);
        place.hands.set_time_of_day(-ahead);
        let before = place.clock().moment();
        place.hands.advance(Duration::from_secs(1));
        for restart in 0..3 {
            let clock = place.clock();
            let keys = SealingKeys::new(place.keys.clone());
            let state = State::open(&place.location, "an app", keys, LIFETIME, clock.clone()).unwrap();
            let known = |began| {
                [(corp("ding1"), user("anna")), (corp("ding2"), user("berta"))]
                    .map(|(corp, user)| state.is_over(&corp, &user, began))
            };
            assert_eq!(known(before), [true; 2], "{ahead} s ahead, {restart}");
            let began = clock.moment();
            place.hands.advance(Duration::from_secs(1));
            assert_eq!(known(began), [false; 2], "{ahead} s ahead, {restart}");
            if restart == 2 {
                state.end_sessions_of_person(corp("ding1"), user("anna"), clock.moment());
                state.end_sessions_of_organisation(corp("ding2"), clock.moment());
                assert_eq!(known(began), [true; 2], "{ahead} s ahead, ended again");
            }
        }
    }
}

#[tokio::test]
async fn a_session_that_ended_while_the_clock_was_ahead_does_not_come_back_when_that_time_comes() {
    const DAY: i64 = 24 * 3600;
    for restarts in [false, true] {
        let place = Place::in_a_file();
        place.hands.set_time_of_day(DAY);
        let (state, began) = (place.open(), place.clock().moment());
        state.end_session(7);
        let state = if restarts {
            drop(state);
            place.hands.set_time_of_day(-DAY);
            place.open()
        } else {
            place.hands.set_time_of_day(-DAY);
            state
        };
        for hours in [0, 8, 12, 4, 7] {
            place.hands.advance(Duration::from_secs(hours * 3600 + 60));
            assert!(state.has_ended(7, &corp("ding1"), &user("anna"), began), "{restarts}, {hours} hours more");
        }
    }
}

#[tokio::test]
async fn a_start_with_a_clock_that_is_hours_ahead_forgets_no_end_of_a_session() {
    let place = filled().await;
    let ahead = 14 * 3600;
    place.hands.set_time_of_day(ahead);
    drop(place.open());
    place.hands.set_time_of_day(-ahead);
    let state = place.open();
    assert!(state.has_ended(7, &corp("ding2"), &user("berta"), place.clock().moment()));
    assert!(state.has_ended(8, &corp("dingcanary1"), &user("annacanary"), place.clock().moment_at(0)));
}

#[tokio::test]
async fn what_was_unmarked_or_forgotten_is_not_found_again() {
    let place = Place::in_a_file();
    let state = place.open();
    let taken = take(&state, 1).await.unwrap();
    taken.code_sent();
    taken.code_unused();
    drop(taken);
    take(&state, 2).await.unwrap().code_sent();
    drop(state);
    let state = place.open();
    assert!(take(&state, 1).await.is_ok());
    assert_eq!(take(&state, 2).await.err(), Some(Unavailable::CodeUsed));
}

#[tokio::test]
async fn what_an_older_key_has_sealed_is_read_and_sealed_anew() {
    let mut place = filled().await;
    let old = place.keys[0];
    place.keys = vec![rand::random(), old];
    drop(place.open());
    place.keys.pop();
    let state = place.open();
    assert_eq!(take(&state, 1).await.err(), Some(Unavailable::CodeUsed));
    place.keys = vec![old];
    drop(state);
    assert!(matches!(refused(&place), Unread::Foreign));
}

#[tokio::test]
async fn a_file_of_another_key_of_something_else_or_of_another_process_is_refused_and_left_alone() {
    let mut place = filled().await;
    let whole = std::fs::read(place.path()).unwrap();
    let ours = std::mem::replace(&mut place.keys, vec![rand::random()]);
    let said = place.try_open().err().unwrap().to_string();
    place.keys = ours;
    assert!(said.contains("SESSION_KEY") && std::fs::read(place.path()).unwrap() == whole, "{said}");

    let open = place.open();
    let said = place.try_open().err().unwrap().to_string();
    assert!(said.contains("another process") && said.contains("redis://"), "{said}");
    drop(open);

    for foreign in [&b"something else"[..], b"redb", &[0; 4096]] {
        std::fs::write(place.path(), foreign).unwrap();
        assert!(matches!(refused(&place), Unread::Foreign));
        assert_eq!(std::fs::read(place.path()).unwrap(), foreign);
    }
}

#[tokio::test]
async fn a_torn_file_is_refused_and_left_alone_wherever_it_is_torn() {
    let place = filled().await;
    let whole = std::fs::read(place.path()).unwrap();
    let lengths = (1..24).map(|nth| whole.len() * nth / 24).chain([9, 100, 4095, 4096, 4097, 8192, whole.len() - 1]);
    for length in lengths {
        std::fs::write(place.path(), &whole[..length]).unwrap();
        let why = refused(&place);
        assert!(matches!(why, Unread::Torn), "{length} of {}: {why}", whole.len());
        assert_eq!(std::fs::read(place.path()).unwrap(), whole[..length]);
    }
}

#[tokio::test]
async fn a_byte_that_changed_is_noticed_or_changes_nothing() {
    let place = filled().await;
    let whole = std::fs::read(place.path()).unwrap();
    let written: Vec<_> = (0..whole.len()).filter(|nth| whole[*nth] != 0).collect();
    for nth in written.iter().step_by(written.len() / 40).copied() {
        let mut changed = whole.clone();
        changed[nth] ^= 0x55;
        std::fs::write(place.path(), &changed).unwrap();
        match place.try_open() {
            Ok(state) => {
                assert!(state.has_ended(7, &corp("ding2"), &user("berta"), place.clock().moment()), "{nth}");
                assert_eq!(take(&state, 1).await.err(), Some(Unavailable::CodeUsed), "{nth}");
            }
            Err(_) => assert!(std::fs::read(place.path()).unwrap() == changed, "{nth}"),
        }
    }
}

#[tokio::test]
async fn only_its_owner_reads_it_and_without_the_key_it_says_nothing() {
    let place = filled().await;
    assert_eq!(std::fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(place.path()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"canary"));
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(place.open());
    assert_eq!(std::fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Root may create the file while the server is down, and the server must be able to open it. Only root can change the owner of a file.
#[tokio::test]
async fn a_new_file_belongs_to_whom_its_folder_belongs() {
    let folder = new_path();
    std::fs::create_dir(&folder).unwrap();
    drop(chown(&folder, Some(65534), Some(65534)));
    let mut place = Place::in_a_file();
    place.location = Location::File(folder.join("state"));
    drop(place.open());
    let owner = |path: &Path| std::fs::metadata(path).map(|meta| (meta.uid(), meta.gid())).unwrap();
    let (file, of_folder) = (owner(place.path()), owner(&folder));
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(file, of_folder);
}

/// The server's user may write to the folder, so it could place a link there, and root creates the file when it is missing.
#[tokio::test]
async fn nothing_is_made_through_a_link_that_leads_nowhere() {
    let (elsewhere, mut place) = (new_path(), Place::in_a_file());
    let link = new_path();
    symlink(&elsewhere, &link).unwrap();
    place.location = Location::File(link);
    let opened = place.try_open().err().unwrap().to_string();
    let seen = State::look(&place.location, &SealingKeys::new(place.keys.clone()), 0).await.err().unwrap().to_string();
    assert!(opened.contains("leads nowhere") && seen.contains("leads nowhere"), "{opened}, {seen}");
    assert!(!elsewhere.exists());
}
