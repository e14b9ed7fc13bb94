//! Loading modules: several at once, needs first, each only once.
//!
//! A driver's start may take half a minute (it resets its adapter), so drivers
//! that do not need one another start side by side.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::insert::{Insert, InsertError};
use crate::modules::Module;

/// At most this many drivers start at once, whatever the machine.
const WORKERS: NonZero<usize> = NonZero::new(4).unwrap();

/// A module was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("0590-502 Module {module} could not be loaded")]
pub struct LoadError {
    /// Its name.
    pub module: String,
    /// Why.
    #[source]
    pub source: InsertError,
}

/// What one call of [`Loader::load`] did itself.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Modules that are now in the kernel, in the order in which they came in.
    pub modules: Vec<String>,
    /// Those that are not.
    pub failed: Vec<LoadError>,
}

/// Loads modules, and remembers what it loaded. Shared between threads.
pub struct Loader<'a> {
    insert: &'a dyn Insert,
    /// Every module that was ever taken up; `true` once that has ended.
    board: Mutex<HashMap<String, bool>>,
    /// Something on the board has ended.
    ended: Condvar,
}

impl<'a> Loader<'a> {
    /// A loader that inserts modules in this way, and leaves those alone that
    /// are `present` already.
    pub fn new(insert: &'a dyn Insert, present: impl IntoIterator<Item = String>) -> Self {
        let board = present.into_iter().map(|name| (name, true)).collect();
        Self {
            insert,
            board: Mutex::new(board),
            ended: Condvar::new(),
        }
    }

    /// Loads what [`ModuleIndex::closure`](crate::modules::ModuleIndex::closure)
    /// says, and returns when all of it has ended, also what another thread had
    /// taken up before. A failed module stops nothing but itself; what needs it
    /// is refused by the kernel.
    pub fn load(&self, order: &[&Module]) -> Loaded {
        let cursor = Mutex::new(order.iter().copied());
        let loaded = Mutex::new(Loaded::default());
        let work = || {
            while let Some((module, pending)) = self.take_up(&cursor) {
                self.wait(&pending);
                let result = self.insert.insert(module);
                self.end(module, result, &loaded);
            }
        };
        thread::scope(|scope| {
            for _ in 1..WORKERS.get().min(order.len()) {
                scope.spawn(work);
            }
            work();
        });
        let all: Vec<&str> = order.iter().map(|module| &*module.name).collect();
        self.wait(&all);
        loaded.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next module that nobody has taken up, and those of its needs that
    /// have not ended. These were all taken up before it, so that threads that
    /// wait for one another never form a circle.
    fn take_up<'m>(
        &self,
        cursor: &Mutex<impl Iterator<Item = &'m Module>>,
    ) -> Option<(&'m Module, Vec<&'m str>)> {
        let mut cursor = locked(cursor);
        let mut board = locked(&self.board);
        let module = cursor.find(|module| !board.contains_key(&module.name))?;
        board.insert(module.name.clone(), false);
        let needs = module.needs.iter().map(String::as_str);
        Some((
            module,
            needs
                .filter(|&need| board.get(need) == Some(&false))
                .collect(),
        ))
    }

    fn wait(&self, modules: &[&str]) {
        let pending = |board: &mut HashMap<String, bool>| {
            modules
                .iter()
                .any(|&module| board.get(module) == Some(&false))
        };
        let board = locked(&self.board);
        drop(
            self.ended
                .wait_while(board, pending)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn end(&self, module: &Module, result: Result<(), InsertError>, loaded: &Mutex<Loaded>) {
        let name = module.name.clone();
        match result {
            Ok(()) => {
                log::info!("module {name} loaded");
                locked(loaded).modules.push(name.clone());
            }
            Err(source) => {
                locked(loaded).failed.push(LoadError {
                    module: name.clone(),
                    source,
                });
            }
        }
        locked(&self.board).insert(name, true);
        self.ended.notify_all();
    }
}

/// What these mutexes guard is whole between any two statements, so that a
/// thread that panicked leaves nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::{ModuleIndex, Texts};
    use lifeboat_sys::fs::PathContext;
    use std::io::{Error, ErrorKind};

    /// A kernel that refuses a module whose needs are not there, as Linux does.
    #[derive(Default)]
    pub struct Strict {
        present: Mutex<Vec<String>>,
        broken: Option<&'static str>,
    }

    impl Insert for Strict {
        fn insert(&self, module: &Module) -> Result<(), InsertError> {
            // Other threads get a chance to run into a missing need.
            thread::yield_now();
            let mut present = locked(&self.present);
            let ready = module.needs.iter().all(|need| present.contains(need));
            if !ready || self.broken == Some(&module.name) {
                let refused = Err::<(), _>(Error::from(ErrorKind::NotFound));
                return Ok(refused.at("load", &module.path)?);
            }
            present.push(module.name.clone());
            Ok(())
        }
    }

    const DEP: &str = "\
a.ko:
b.ko: a.ko
c.ko: a.ko
d.ko: c.ko b.ko a.ko
e.ko:
f.ko: e.ko
g.ko: f.ko e.ko
";

    fn index() -> ModuleIndex {
        ModuleIndex::parse(Texts {
            dep: DEP,
            ..Texts::default()
        })
    }

    #[test]
    fn needs_are_there_before_a_module_is_inserted() {
        let index = index();
        for _ in 0..100 {
            let kernel = Strict::default();
            let loader = Loader::new(&kernel, []);
            let loaded = loader.load(&index.closure(["d", "g"]));
            assert!(loaded.failed.is_empty(), "{:?}", loaded.failed);
            assert_eq!(loaded.modules.len(), 7);
        }
    }

    #[test]
    fn threads_share_what_is_pending_and_nothing_is_inserted_twice() {
        let index = index();
        for _ in 0..100 {
            let kernel = Strict::default();
            let loader = Loader::new(&kernel, []);
            let order = index.closure(["d", "g"]);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        loader.load(&order);
                        assert_eq!(locked(&kernel.present).len(), 7);
                    });
                }
            });
            assert_eq!(locked(&kernel.present).len(), 7);
        }
    }

    #[test]
    fn a_broken_module_takes_with_it_only_what_needs_it() {
        let index = index();
        let kernel = Strict {
            broken: Some("f"),
            ..Strict::default()
        };
        let loaded = Loader::new(&kernel, []).load(&index.closure(["d", "g"]));
        let mut failed: Vec<&str> = loaded.failed.iter().map(|e| &*e.module).collect();
        failed.sort_unstable();
        assert_eq!(failed, ["f", "g"]);
        assert_eq!(loaded.modules.len(), 5);
    }

    #[test]
    fn what_is_present_is_left_alone() {
        let index = index();
        let kernel = Strict {
            present: Mutex::new(vec!["e".into()]),
            ..Strict::default()
        };
        let loaded = Loader::new(&kernel, ["e".into()]).load(&index.closure(["g"]));
        assert_eq!(loaded.modules, ["f", "g"]);
    }

    #[test]
    fn needs_in_a_circle_end() {
        let index = ModuleIndex::parse(Texts {
            dep: "a.ko: b.ko\nb.ko: a.ko\n",
            ..Texts::default()
        });
        let loaded = Loader::new(&Strict::default(), []).load(&index.closure(["a"]));
        assert_eq!(loaded.failed.len(), 2);
    }
}
