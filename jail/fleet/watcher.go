package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// watcher polls, compares and reports. It belongs to one goroutine.
type watcher struct {
	host     *host.Host
	o        WatchOptions
	q        *changeQueue
	jails    map[string]*watched // by name in the kernel, see key
	defaults map[string]stamps   // by source
	begun    bool

	// With WatchOptions.Params: the jails whose parameters the kernel's watch has
	// read, and those that it has to read before the snapshot is complete.
	known, missing map[kernel.Identity]bool
}

// watched is a jail as the last poll found it.
type watched struct {
	name     string // full name
	source   string
	path     string // of its dataset; empty if it has none
	root     string // where its root is mounted, or would be; empty if that is not known
	foreign  bool
	identity kernel.Identity
	at       string // the path of what runs
	busy     bool   // it has processes
	files    stamps // nil before they were first read
	seen     bool
}

// run polls until the context ends or a poll fails.
func (w *watcher) run(ctx context.Context) error {
	features, err := w.host.Kernel.Features(ctx)
	if err != nil {
		return err
	}
	wake := make(chan []kernel.JailEvent, 1)
	failed := make(chan error, 1)
	if features.JailDesc || w.o.Params {
		// Armed before the first poll, so that no change is missed.
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		defer func() { cancel(); <-done }()
		go func() {
			defer close(done)
			failed <- catch.Panic(func() error { return w.listen(ctx, wake) })
		}()
	}
	tick := time.NewTicker(w.o.Interval)
	defer tick.Stop()
	for files := true; ; {
		if err := w.poll(ctx, files); err != nil {
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

// listen wakes the watcher when the kernel reports a jail. With
// WatchOptions.Params it hands the reports on, merged while they wait.
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

// alive is a jail that runs, as the kernel lists it.
type alive struct {
	id   kernel.Identity
	path string
}

// key returns the key in w.jails of what runs: its name, except for another program's
// jail that has the name of one of ours and another root.
func (w *watcher) key(now alive) string {
	other := now.id.Name + "\x00" + now.path
	j := w.jails[now.id.Name]
	if w.jails[other] != nil || j != nil && !j.foreign && j.root != "" && j.root != now.path {
		return other
	}
	return now.id.Name
}

// keyed returns the identities of what runs by key.
func (w *watcher) keyed(now map[string]alive) map[string]alive {
	out := make(map[string]alive, len(now))
	for _, one := range now {
		out[w.key(one)] = one
	}
	return out
}

// heard notes what the kernel's watch has seen, and reports changed parameters.
func (w *watcher) heard(list []kernel.JailEvent) {
	for _, e := range list {
		switch e.Kind {
		case kernel.JailThere, kernel.JailMade:
			w.known[e.ID] = true
		case kernel.JailRemoved:
			delete(w.known, e.ID)
		case kernel.JailChanged:
			for _, j := range w.jails {
				if j.identity == e.ID {
					w.report(j, ChangeParams, e.ID)
				}
			}
		}
	}
}

// running returns the jails that run now, by name; with WatchOptions.Params only
// those that the kernel's watch has seen, because it would miss a change of the
// parameters before it first read them. complete is false as long as one that ran
// at the beginning is missing.
func (w *watcher) running(ctx context.Context) (now map[string]alive, complete bool, err error) {
	now = map[string]alive{}
	for p, err := range w.host.Kernel.JailList(ctx, 0, "cpuset.id", "path") {
		if err != nil {
			return nil, false, fmt.Errorf("list jails: %w", err)
		}
		id := kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}
		now[id.Name] = alive{id, p.String("path")}
	}
	if !w.o.Params || w.begun {
		w.missing = nil
	} else if w.missing == nil {
		w.missing = map[kernel.Identity]bool{}
		for _, one := range now {
			w.missing[one.id] = true
		}
	}
	maps.DeleteFunc(w.missing, func(id kernel.Identity, _ bool) bool { return w.known[id] || now[id.Name].id != id })
	if w.o.Params {
		maps.DeleteFunc(now, func(_ string, one alive) bool { return !w.known[one.id] })
	}
	return now, len(w.missing) == 0, nil
}

func (w *watcher) report(j *watched, kind ChangeKind, id kernel.Identity) {
	queue := j.name
	if j.foreign {
		queue += "\x00" // a jail of ours may have the same name
	}
	w.q.put(queue, Change{Kind: kind, Jail: j.name, Foreign: j.foreign, Identity: id})
}

// poll compares the jails with the poll before. It reads the files only if asked
// to, for the snapshot, or if there is an unknown jail. Stops are reported before
// starts and before the ends of datasets.
func (w *watcher) poll(ctx context.Context, files bool) error {
	now, complete, err := w.running(ctx)
	if err != nil || !complete {
		return err
	}
	files = files || !w.begun
	was := w.keyed(now)
	for key := range was {
		files = files || w.jails[key] == nil
	}
	w.stops(was)
	if files {
		if err := w.datasets(ctx); err != nil {
			return err
		}
	}
	w.starts(w.keyed(now))
	var busy map[int]bool
	if w.o.Processes && files {
		if busy, err = withProcesses(ctx, w.host.Kernel); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.jails)) {
		j := w.jails[key]
		switch {
		case !w.begun:
			w.report(j, ChangeThere, j.identity)
		case j.path == "" && j.identity.IsZero():
			delete(w.jails, key)
		}
		if busy != nil && !j.foreign && !j.identity.IsZero() {
			w.processes(j, busy[j.identity.JID])
		}
	}
	if !w.begun {
		w.begun = true
		w.q.put("", Change{Kind: ChangeSnapshot})
	}
	return nil
}

// stops reports the jails that ran and do not run now, or run as another one.
func (w *watcher) stops(now map[string]alive) {
	for _, key := range slices.Sorted(maps.Keys(w.jails)) {
		j := w.jails[key]
		if !j.identity.IsZero() && j.identity != now[key].id {
			w.report(j, ChangeStopped, j.identity)
			j.identity, j.busy = kernel.Identity{}, false
		}
	}
}

// starts reports the jails that run now and did not.
func (w *watcher) starts(now map[string]alive) {
	for _, key := range slices.Sorted(maps.Keys(now)) {
		j := w.jails[key]
		if j == nil {
			j = &watched{name: now[key].id.Name, foreign: true}
			w.jails[key] = j
		}
		j.at = now[key].path
		if j.identity != now[key].id {
			j.identity = now[key].id
			if w.begun {
				w.report(j, ChangeStarted, j.identity)
			}
		}
	}
}

// processes reports a jail that had processes and has none.
func (w *watcher) processes(j *watched, busy bool) {
	if j.busy && !busy {
		w.report(j, ChangeDied, j.identity)
	}
	j.busy = busy
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
			// Once for all jails, so that the same poll reports all of them.
			if w.defaults[s.Name] == nil {
				w.defaults[s.Name] = stamps{}
			}
			defaults[s.Name] = w.defaults[s.Name].changed(dir, config.DefaultsJSON, config.DefaultsUCL)
		}
		prefix := s.Jails() + "/"
		roots := map[string]string{} // by name
		for _, m := range mounts {
			if name, ok := strings.CutSuffix(strings.TrimPrefix(m.From, prefix), "/root"); ok && m.Type == "zfs" {
				roots[name] = m.Path
			}
		}
		for _, m := range mounts {
			name, ok := strings.CutPrefix(m.From, prefix)
			if m.Type != "zfs" || !ok || config.ValidName(name) != nil {
				continue
			}
			full := name
			if len(sources) > 1 {
				full = s.Name + "/" + name
			}
			w.dataset(jail.Identifier(s, name), watched{
				name: full, source: s.Name, path: m.Path, root: cmp.Or(roots[name], filepath.Join(m.Path, "root")),
			})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.jails)) {
		switch j := w.jails[key]; {
		case j.foreign:
		case !j.seen && j.path != "":
			w.report(j, ChangeDestroyed, j.identity)
			j.path, j.files = "", nil
		case j.seen:
			// The files are read before a new jail is reported: what its reader
			// then writes is a change.
			isNew := j.files == nil
			if isNew {
				j.files = stamps{}
			}
			switch changed := j.files.changed(j.path, config.JSONFile, config.UCLFile, "fstab"); {
			case isNew && w.begun:
				w.report(j, ChangeCreated, j.identity)
			case w.begun && (changed || defaults[j.source]):
				w.report(j, ChangeConfig, j.identity)
			}
		}
	}
	return nil
}

// dataset notes a mounted dataset of a jail.
func (w *watcher) dataset(key string, is watched) {
	j := w.jails[key]
	if j != nil && j.foreign && !j.identity.IsZero() && j.at != is.root {
		w.jails[key+"\x00"+j.at], j = j, nil // it stays foreign
	}
	if j == nil {
		j = &watched{}
		w.jails[key] = j
	}
	if j.foreign && !j.identity.IsZero() {
		// It ran before its dataset existed, and was reported as a foreign jail: for
		// the reader that one ends, and the jail of this source follows.
		w.report(j, ChangeStopped, j.identity)
		j.identity = kernel.Identity{}
	}
	j.seen = true
	j.name, j.source, j.path, j.root, j.foreign = is.name, is.source, is.path, is.root, false
}
