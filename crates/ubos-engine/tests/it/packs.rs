//! Packs against damage: a content is what was written or it is missing, and who reads needs no
//! lock.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags};

use ubos_core::entry::Digest;
use ubos_engine::state::pack::{MAX_CONTENT, Pack, PackWriter, length, remove};

const NAME: &str = "pack";

fn open(folder: &Path) -> OwnedFd {
    rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
}

/// Contents that compress and one that does not.
fn contents() -> Vec<Vec<u8>> {
    let noise = (0..200u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![b"first\n".to_vec(), b"the same line\n".repeat(40), noise, Vec::new()]
}

fn write(folder: &Path, contents: &[Vec<u8>]) -> u64 {
    let dir = open(folder);
    let end = length(dir.as_fd(), NAME).unwrap();
    let mut writer = PackWriter::open(dir.as_fd(), NAME, end).unwrap();
    for content in contents {
        writer.add(Digest::of(content), content).unwrap();
    }
    writer.finish().unwrap()
}

fn pack(folder: &Path) -> Pack {
    Pack::open(open(folder).as_fd(), NAME).unwrap().unwrap()
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Pack::open(open(folder.path()).as_fd(), NAME).unwrap().is_none());
    write(folder.path(), &contents()[..2]);
    let end = write(folder.path(), &contents()[2..]);
    let pack = pack(folder.path());
    assert!(pack.is_whole());
    assert_eq!(pack.length(), end);
    for content in contents() {
        assert_eq!(pack.get(Digest::of(&content)), Some(content));
    }
    assert_eq!(pack.get(Digest::of(b"another")), None);
    assert_eq!(pack.latest_first().count(), contents().len());
    let records: u64 = pack.latest_first().map(|digest| pack.record_length(digest)).sum();
    assert_eq!(records, end);
}

#[test]
fn what_is_too_long_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[vec![b'x'; MAX_CONTENT + 1], vec![b'x'; MAX_CONTENT]]);
    let pack = pack(folder.path());
    assert_eq!(pack.latest_first().count(), 1);
    assert!(pack.get(Digest::of(&vec![b'x'; MAX_CONTENT])).is_some());
}

#[test]
fn a_damaged_byte_costs_contents_and_never_changes_one() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &contents());
    let sound = fs::read(folder.path().join(NAME)).unwrap();
    let mut noticed = 0;
    for at in 0..sound.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] ^= flip;
            fs::write(folder.path().join(NAME), &bytes).unwrap();
            let pack = pack(folder.path());
            let found = contents().into_iter().filter(|content| {
                let read = pack.get(Digest::of(content));
                assert!(read.is_none() || read.as_ref() == Some(content), "byte {at}");
                read.is_some()
            });
            noticed += usize::from(found.count() < contents().len());
        }
    }
    // Some bytes of a compressed content may be others, and it is still the same.
    assert!(noticed > sound.len() * 2, "{noticed} of {}", sound.len() * 3);
}

#[test]
fn a_torn_end_costs_what_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &contents());
    let sound = fs::read(folder.path().join(NAME)).unwrap();
    let mut last = 0;
    for end in 0..sound.len() {
        fs::write(folder.path().join(NAME), &sound[..end]).unwrap();
        let pack = pack(folder.path());
        let count = contents().iter().filter(|c| pack.get(Digest::of(c)).is_some()).count();
        assert!(count >= last && count < contents().len(), "{end}");
        assert_eq!(pack.is_whole(), pack.length() == end as u64, "{end}");
        last = count;
    }
}

#[test]
fn a_writer_goes_on_behind_what_is_known_to_be_good() {
    let folder = tempfile::tempdir().unwrap();
    let dir = open(folder.path());
    let end = write(folder.path(), &contents()[..1]);
    let mut bytes = fs::read(folder.path().join(NAME)).unwrap();
    bytes.extend_from_slice(&[0x55; 500]);
    fs::write(folder.path().join(NAME), bytes).unwrap();
    assert!(!pack(folder.path()).is_whole());
    let mut writer = PackWriter::open(dir.as_fd(), NAME, end).unwrap();
    writer.add(Digest::of(b"next"), b"next").unwrap();
    writer.finish().unwrap();
    let pack = pack(folder.path());
    assert!(pack.is_whole());
    assert_eq!(pack.get(Digest::of(b"next")).as_deref(), Some(&b"next"[..]));
    assert_eq!(pack.get(Digest::of(&contents()[0])), Some(contents()[0].clone()));
}

#[test]
fn compacting_drops_what_is_not_wanted_and_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let dir = open(folder.path());
    write(folder.path(), &contents());
    let mut bytes = fs::read(folder.path().join(NAME)).unwrap();
    // In the first content.
    bytes[45] ^= 1;
    fs::write(folder.path().join(NAME), bytes).unwrap();
    let unwanted = Digest::of(&contents()[2]);
    let end = pack(folder.path()).compact(dir.as_fd(), NAME, |d| d != unwanted).unwrap();
    let pack = pack(folder.path());
    assert_eq!((pack.length(), pack.is_whole()), (end, true));
    let found: Vec<Digest> = pack.latest_first().collect();
    assert_eq!(found, [Digest::of(&contents()[3]), Digest::of(&contents()[1])]);
    remove(dir.as_fd(), NAME).unwrap();
    remove(dir.as_fd(), NAME).unwrap();
    assert_eq!(length(dir.as_fd(), NAME).unwrap(), 0);
}

#[test]
fn reading_goes_on_while_the_pack_grows_and_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let kept = contents()[1].clone();
    write(folder.path(), std::slice::from_ref(&kept));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(pack(folder.path()).get(Digest::of(&kept)).as_ref(), Some(&kept));
                reads += 1;
            }
            reads
        });
        let dir = open(folder.path());
        for n in 0..200u32 {
            write(folder.path(), &[n.to_le_bytes().repeat(50)]);
            if n % 10 == 9 {
                let whole = pack(folder.path());
                whole.compact(dir.as_fd(), NAME, |digest| digest == Digest::of(&kept)).unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}
