//! Placing: the present version is kept, then each path changes in one atomic call, and what came
//! out is looked at.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use ubos_core::path::RelPath;

use super::{Batch, CHANGED, PASSAGE_MODE, Refusal, staged};
use crate::agent::message::{PutBackHow, PutBackResult, PutBackSource};
use crate::apply;
use crate::backups::{self, Store};
use crate::failpoint;
use crate::fs::{Stamp, platform, stat_in};
use crate::history::mark::look;
use crate::staging::Staging;

impl Batch<'_> {
    pub(super) fn keep_one(&mut self, index: usize) -> Result<(), Refusal> {
        let planned = &self.moves[index];
        let path = &planned.step.path;
        let Some((mark, stamp)) = &planned.present else { return Ok(()) };
        let parent = self.state.root().open_parent(path)?;
        let mut place = backups::place(self.state, Store::Backups, &self.order.run, path)?;
        let linked = match place.link(parent.as_fd(), path.name()) {
            Ok(()) => true,
            Err(e) if staged::refuses_links(&e) => {
                staged::copy_to(parent.as_fd(), path.name(), &mut place)?;
                false
            }
            Err(e) => return Err(e.into()),
        };
        let same = match linked {
            true => place.stamp()?.is_some_and(|kept| kept.same_but_ctime(stamp)),
            false => look(place.dir.as_fd(), &place.name)?
                .is_some_and(|(kept, _)| kept.same_content(mark)),
        };
        if !same {
            // Saved since it was looked at. The second name goes; the file stays where it is.
            rustix::fs::unlinkat(&place.dir, &place.name[..], AtFlags::empty())
                .map_err(io::Error::from)?;
            return Err(Refusal::Because(CHANGED));
        }
        self.touched.insert(place.dir_path.clone());
        self.moves[index].kept = Some((place, linked));
        Ok(())
    }

    pub(super) fn place_one(&mut self, index: usize) -> Result<(), Refusal> {
        let PutBackResult::Done { how, .. } = self.moves[index].result else { return Ok(()) };
        let path = self.moves[index].step.path.clone();
        match how {
            PutBackHow::Rename => self.move_back(index)?,
            PutBackHow::Update => self.exchange(index)?,
            PutBackHow::Delete => self.remove(index)?,
            PutBackHow::Create | PutBackHow::Mkdir => {
                let parent = self.make_parent(&path)?;
                let (staging, name) = self.staged_of(index)?;
                let placed = platform::rename_noreplace(
                    staging.fd(),
                    name.as_bytes(),
                    parent.as_fd(),
                    path.name(),
                );
                placed?;
            }
        }
        if matches!(how, PutBackHow::Rename | PutBackHow::Mkdir | PutBackHow::Delete)
            || self.coming.contains(&path)
        {
            self.state.root().forget_folder();
        }
        self.touched.insert(path.parent_bytes().to_vec());
        Ok(())
    }

    /// What is staged for a step that places something.
    fn staged_of(&self, index: usize) -> Result<(&Staging, &str), Refusal> {
        let name = self.moves[index].content.as_ref().map(|content| content.name.as_str());
        self.staging.as_ref().zip(name).ok_or(Refusal::Because("not-staged"))
    }

    /// Exchanges the present version for what is staged, and looks at what came out: if it is not
    /// the one in the backups, it is exchanged back.
    fn exchange(&mut self, index: usize) -> Result<(), Refusal> {
        let planned = &self.moves[index];
        let path = &planned.step.path;
        let (staging, name) = self.staged_of(index)?;
        let (Some((_, before)), Some((place, linked))) = (&planned.present, &planned.kept) else {
            return Err(Refusal::Because(CHANGED));
        };
        let parent = self.state.root().open_parent(path)?;
        let placed = stat_in(staging.fd(), name.as_bytes())?.map(|stat| Stamp::of(&stat).ino);
        match platform::exchange(staging.fd(), name.as_bytes(), parent.as_fd(), path.name()) {
            Err(e) if platform::is_unsupported(&e) => {
                // RACE: without exchange a save between this look and the rename is overwritten;
                // an editor that writes in place writes into the backup then.
                let now = stat_in(parent.as_fd(), path.name())?.map(|stat| Stamp::of(&stat));
                if !now.is_some_and(|now| now.same_but_ctime(before)) {
                    return Err(Refusal::Because(CHANGED));
                }
                rustix::fs::renameat(staging.fd(), name, &*parent, path.name())
                    .map_err(io::Error::from)?;
                return Ok(());
            }
            other => other?,
        }
        failpoint!("put-back-exchanged");
        let out = stat_in(staging.fd(), name.as_bytes())?.map(|stat| Stamp::of(&stat));
        if !out.is_some_and(|out| out.same_but_ctime(before)) {
            let mut aside = backups::place(self.state, Store::Backups, &self.order.run, path)?;
            apply::exchange_back(
                staging.fd(),
                name,
                parent.as_fd(),
                path.name(),
                placed,
                &mut aside,
            )?;
            return Err(Refusal::Because(CHANGED));
        }
        if *linked {
            rustix::fs::unlinkat(staging.fd(), name, AtFlags::empty()).map_err(io::Error::from)?;
        } else {
            // The file itself is worth more than its copy.
            rustix::fs::renameat(staging.fd(), name, &place.dir, &place.name[..])
                .map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// Moves what stands there to the backups, and looks whether it is what was seen. Of a folder only
    /// the mode goes there; it must be empty.
    fn remove(&mut self, index: usize) -> Result<(), Refusal> {
        let path = &self.moves[index].step.path;
        let Some((_, before)) = &self.moves[index].present else { return Ok(()) };
        let parent = self.state.root().open_parent(path)?;
        if before.file_type() == FileType::Directory {
            backups::keep_folder(self.state, &self.order.run, path, before.permissions())?;
            return match rustix::fs::unlinkat(&*parent, path.name(), AtFlags::REMOVEDIR) {
                Err(Errno::NOTEMPTY | Errno::EXIST) => Err(Refusal::Because("folder-not-empty")),
                other => Ok(other.map_err(io::Error::from)?),
            };
        }
        let mut place = backups::place(self.state, Store::Backups, &self.order.run, path)?;
        place.take(parent.as_fd(), path.name())?;
        let out = place.stamp()?;
        if !out.is_some_and(|out| out.same_but_ctime(before)) {
            place.give_back(parent.as_fd(), path.name())?;
            return Err(Refusal::Because(CHANGED));
        }
        self.touched.insert(place.dir_path);
        Ok(())
    }

    fn move_back(&mut self, index: usize) -> Result<(), Refusal> {
        let planned = &self.moves[index];
        let PutBackSource::MoveBack { from } = &planned.step.source else { return Ok(()) };
        let (from, path) = (from.clone(), planned.step.path.clone());
        let before = planned.present.as_ref().map(|(_, stamp)| *stamp);
        let target = self.make_parent(&path)?;
        let parent = self.state.root().open_parent(&from)?;
        platform::rename_noreplace(parent.as_fd(), from.name(), target.as_fd(), path.name())?;
        let moved = stat_in(target.as_fd(), path.name())?.map(|stat| Stamp::of(&stat));
        let same = moved.zip(before).is_some_and(|(moved, before)| {
            before.file_type() == FileType::Directory && moved.ino == before.ino
                || moved.same_but_ctime(&before)
        });
        if !same {
            platform::rename_noreplace(target.as_fd(), path.name(), parent.as_fd(), from.name())?;
            return Err(Refusal::Because(CHANGED));
        }
        self.touched.insert(from.parent_bytes().to_vec());
        Ok(())
    }

    fn make_parent(&mut self, path: &RelPath) -> Result<Arc<OwnedFd>, Refusal> {
        let root = self.state.root();
        match root.open_parent(path) {
            Ok(fd) => Ok(fd),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                for folder in path.ancestors() {
                    self.touched.insert(folder.parent_bytes().to_vec());
                }
                Ok(Arc::new(root.make_dir_all(path.parent_bytes(), PASSAGE_MODE)?))
            }
            Err(e) => Err(e.into()),
        }
    }
}
