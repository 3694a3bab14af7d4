package fleet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// watcher looks, compares and tells. One goroutine has it.
type watcher struct {
	host     *host.Host
	o        WatchOptions
	q        *changeQueue
	jails    map[string]*watched // by name in the kernel
	defaults map[string]stamps   // by source
	begun    bool

	// With WatchOptions.Params: the jails whose parameters the kernel's watch has
	// read, and those that it has to before the snapshot is complete.
	known, missing map[kernel.Identity]bool
}

// watched is a jail as the last look found it.
type watched struct {
	name     string // full name
	source   string
	path     string // of its dataset; empty when there is none
	foreign  bool
	identity kernel.Identity
	busy     bool   // it has processes
	files    stamps // nil before the first look at them
	seen     bool
}

// stamp is what a file was like, and when it was looked at.
type stamp struct {
	info os.FileInfo
	sum  [sha256.Size]byte
	at   time.Time
}

// settled is how old a file has to be when it is looked at for a later equal
// time to mean an equal file: clocks of file systems tick in milliseconds.
const settled = 2 * time.Second

// same tells that nothing has written the file since, as far as its times can
// tell.
func (s stamp) same(info os.FileInfo) bool {
	return os.SameFile(s.info, info) && s.info.ModTime().Equal(info.ModTime()) && s.info.Size() == info.Size()
}

// run looks until the context ends or a look fails.
func (w *watcher) run(ctx context.Context) error {
	features, err := w.host.Kernel.Features(ctx)
	if err != nil {
		return err
	}
	wake := make(chan []kernel.JailEvent, 1)
	failed := make(chan error, 1)
	if features.JailDesc || w.o.Params {
		// Armed before the first look, so that nothing falls between.
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		defer func() { cancel(); <-done }()
		go func() { defer close(done); failed <- w.listen(ctx, wake) }()
	}
	tick := time.NewTicker(w.o.Interval)
	defer tick.Stop()
	for files := true; ; {
		if err := w.look(ctx, files); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case <-tick.C:
			files = true
		case list := <-wake:
			files = false
			w.heard(list)
		}
	}
}

// listen wakes the watcher when the kernel tells of jails, and hands on what it
// tells if parameters are asked for. What waits to be handed on is merged.
func (w *watcher) listen(ctx context.Context, wake chan []kernel.JailEvent) error {
	for e, err := range w.host.Kernel.JailEvents(ctx) {
		if err != nil {
			return err
		}
		if e.Kind == kernel.JailThere && !w.o.Params {
			continue
		}
		var list []kernel.JailEvent
		select {
		case list = <-wake:
		default:
		}
		if w.o.Params && (len(list) == 0 || list[len(list)-1] != e) {
			list = append(list, e)
		}
		wake <- list
	}
	return ctx.Err()
}

// heard notes what the kernel's watch has seen, and tells of changed parameters.
func (w *watcher) heard(list []kernel.JailEvent) {
	for _, e := range list {
		switch e.Kind {
		case kernel.JailThere, kernel.JailMade:
			w.known[e.ID] = true
		case kernel.JailRemoved:
			delete(w.known, e.ID)
		case kernel.JailChanged:
			if j := w.jails[e.ID.Name]; j != nil && j.identity == e.ID {
				w.tell(e.ID.Name, j, ChangeParams, e.ID)
			}
		}
	}
}

// running are the jails that run now, by name. With WatchOptions.Params only
// those that the kernel's watch has seen: a change of parameters after a jail
// was told of, and before that watch first read them, would be lost. complete is
// false as long as one that ran at the beginning is not among them.
func (w *watcher) running(ctx context.Context) (now map[string]kernel.Identity, complete bool, err error) {
	now = map[string]kernel.Identity{}
	for p, err := range w.host.Kernel.JailList(ctx, 0, "cpuset.id") {
		if err != nil {
			return nil, false, fmt.Errorf("list jails: %w", err)
		}
		id := kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}
		now[id.Name] = id
	}
	if !w.o.Params || w.begun {
		w.missing = nil
	} else if w.missing == nil {
		w.missing = map[kernel.Identity]bool{}
		for _, id := range now {
			w.missing[id] = true
		}
	}
	maps.DeleteFunc(w.missing, func(id kernel.Identity, _ bool) bool { return w.known[id] || now[id.Name] != id })
	if w.o.Params {
		maps.DeleteFunc(now, func(_ string, id kernel.Identity) bool { return !w.known[id] })
	}
	return now, len(w.missing) == 0, nil
}

func (w *watcher) tell(key string, j *watched, kind ChangeKind, id kernel.Identity) {
	w.q.put(key, Change{Kind: kind, Jail: j.name, Foreign: j.foreign, Identity: id})
}

// look compares what is there with the look before. The files are only looked
// at when asked for, for the snapshot, or when there is a jail that was not known.
func (w *watcher) look(ctx context.Context, files bool) error {
	now, complete, err := w.running(ctx)
	if err != nil || !complete {
		return err
	}
	files = files || !w.begun
	for name := range now {
		files = files || w.jails[name] == nil
	}
	// Ends come before beginnings, and a dataset's end after its jail's.
	for _, key := range slices.Sorted(maps.Keys(w.jails)) {
		j := w.jails[key]
		if id := now[key]; !j.identity.IsZero() && id != j.identity {
			w.tell(key, j, ChangeStopped, j.identity)
			j.identity, j.busy = kernel.Identity{}, false
		}
	}
	if files {
		if err := w.datasets(ctx); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		id := now[key]
		j := w.jails[key]
		if j == nil {
			j = &watched{name: key, foreign: true}
			w.jails[key] = j
		}
		if j.identity != id {
			j.identity = id
			if w.begun {
				w.tell(key, j, ChangeStarted, id)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.jails)) {
		j := w.jails[key]
		switch {
		case !w.begun:
			w.tell(key, j, ChangeThere, j.identity)
		case j.path == "" && j.identity.IsZero():
			delete(w.jails, key)
		}
		if w.o.Processes && files && !j.foreign && !j.identity.IsZero() {
			if err := w.processes(ctx, key, j); err != nil {
				return err
			}
		}
	}
	if !w.begun {
		w.begun = true
		w.q.put("", Change{Kind: ChangeSnapshot})
	}
	return nil
}

// processes tells when a jail that had some has none.
func (w *watcher) processes(ctx context.Context, key string, j *watched) error {
	list, err := w.host.Kernel.ProcessList(ctx, j.identity.JID)
	if err != nil {
		return err
	}
	if j.busy && len(list) == 0 {
		w.tell(key, j, ChangeDied, j.identity)
	}
	j.busy = len(list) > 0
	return nil
}

// datasets compares the mounted jails and their files.
func (w *watcher) datasets(ctx context.Context) error {
	sources, err := w.host.Sources(ctx)
	if err != nil {
		return err
	}
	mounts, err := w.host.Mounts(ctx)
	if err != nil {
		return err
	}
	for _, j := range w.jails {
		j.seen = false
	}
	defaults := map[string]bool{} // by source: whether its defaults have changed
	for _, s := range sources {
		if dir, ok := mounts.Dataset(s.Dataset); ok {
			// Once for all jails, so that the same look tells all of them.
			if w.defaults[s.Name] == nil {
				w.defaults[s.Name] = stamps{}
			}
			defaults[s.Name] = w.defaults[s.Name].changed(dir, config.DefaultsJSON, config.DefaultsUCL)
		}
		prefix := s.Jails() + "/"
		for _, m := range mounts {
			name, ok := strings.CutPrefix(m.From, prefix)
			if m.Type != "zfs" || !ok || config.ValidName(name) != nil {
				continue
			}
			full := name
			if len(sources) > 1 {
				full = s.Name + "/" + name
			}
			w.dataset(jail.Identifier(s, name), watched{name: full, source: s.Name, path: m.Path})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.jails)) {
		switch j := w.jails[key]; {
		case j.foreign:
		case !j.seen && j.path != "":
			w.tell(key, j, ChangeDestroyed, j.identity)
			j.path, j.files = "", nil
		case j.seen:
			// The files are looked at before a new jail is told of: what its
			// reader writes then is a change.
			isNew := j.files == nil
			if isNew {
				j.files = stamps{}
			}
			switch changed := j.files.changed(j.path, config.JSONFile, config.UCLFile, "fstab"); {
			case isNew && w.begun:
				w.tell(key, j, ChangeCreated, j.identity)
			case w.begun && (changed || defaults[j.source]):
				w.tell(key, j, ChangeConfig, j.identity)
			}
		}
	}
	return nil
}

// dataset notes one that is mounted.
func (w *watcher) dataset(key string, is watched) {
	j := w.jails[key]
	if j == nil {
		j = &watched{}
		w.jails[key] = j
	}
	if j.foreign && !j.identity.IsZero() {
		// It ran before its dataset was there, under the kernel's name: that one
		// ends for the reader, and the look goes on to tell of the jail of ours.
		w.tell(key, j, ChangeStopped, j.identity)
		j.identity = kernel.Identity{}
	}
	j.seen = true
	j.name, j.source, j.path, j.foreign = is.name, is.source, is.path, false
}

// stamps are files as the last look found them, by path.
type stamps map[string]stamp

// changed compares files of a directory with the look before.
func (s stamps) changed(dir string, names ...string) bool {
	different := false
	for _, name := range names {
		path := filepath.Join(dir, name)
		was, known := s[path]
		at := time.Now()
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() {
			if known {
				delete(s, path)
				different = true
			}
			continue
		}
		if known && was.same(info) && was.at.Sub(was.info.ModTime()) > settled {
			continue
		}
		// Of the file that is read: a rename in between would be told twice.
		info, sum, err := sumFile(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // it is being replaced; the next look sees
		}
		// A file that was written and has its old text again may have been read
		// in between by whom the last change was told to.
		if !known || sum != was.sum || !was.same(info) {
			different = true
		}
		s[path] = stamp{info, sum, at}
	}
	return different
}

func sumFile(path string) (info os.FileInfo, sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, sum, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, sum, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, sum, err
	}
	return info, [sha256.Size]byte(h.Sum(nil)), nil
}
