package simkernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// mount is one mounted file system.
type mount struct {
	kernel.Mounted
	Seq      int      `json:"seq"`
	Cover    int      `json:"cover"`     // sequence number of the covered file system
	CoverRel string   `json:"cover_rel"` // place in it
	Src      int      `json:"src,omitempty"`
	SrcRel   string   `json:"src_rel,omitempty"`
	Ruleset  uint16   `json:"ruleset,omitempty"`
	Hidden   []string `json:"hidden,omitempty"`   // nodes of a devfs
	Attached bool     `json:"attached,omitempty"` // by AttachMount
	NoCache  bool     `json:"nocache,omitempty"`
	// Dir has the files of a tmpfs, or of a dataset that nmount(2) has mounted.
	Dir string `json:"dir,omitempty"`

	cover place
	src   *mount // of nullfs
	opens int    // HoldBusy
}

// shows reports whether the files are those of another directory. Of a unionfs only the
// upper ones are shown.
func (m *mount) shows() bool { return m.Type == "nullfs" || m.Type == "unionfs" }

func (m *mount) key() string { return "mount/" + strconv.Itoa(m.Seq) }

// onDisk reports whether the files are real ones at the mount's own path.
func (m *mount) onDisk() bool {
	return m.Attached || m.cover.m == nil || m.Type == "zfs" && m.Dir == ""
}

// readOnly reports whether writing is EROFS; a nullfs is as read-only as what it
// shows.
func (m *mount) readOnly() bool {
	for ; m != nil; m = m.src {
		if m.Flags&kernel.MntRdOnly != 0 {
			return true
		}
	}
	return false
}

// mounts is the mount table.
type mounts struct {
	k    *machine
	root *mount
	list []*mount
	over map[place][]*mount
	seq  int
}

func (t *mounts) init(k *machine) {
	*t = mounts{k: k, over: map[place][]*mount{}}
	t.root = &mount{Mounted: kernel.Mounted{
		Type: "ufs", From: "/dev/vtbd0p2", Path: "/", FSID: kernel.FSID{Val: [2]int32{0x64000000, 1}},
	}}
	t.list = []*mount{t.root}
	k.dirty.put(t.root.key(), t.root)
}

func (t *mounts) add(m *mount, on place) {
	t.seq++
	m.Seq = t.seq
	m.cover, m.Cover, m.CoverRel = on, on.m.Seq, on.rel
	if m.FSID.IsZero() {
		m.FSID = kernel.FSID{Val: [2]int32{int32(m.Seq), int32(hash(m.Type)&0xff) | 0x29}}
	}
	t.list = append(t.list, m)
	t.over[on] = append(t.over[on], m)
	t.k.dirty.put(m.key(), m)
	t.k.dirty.boot()
}

func (t *mounts) remove(m *mount) {
	for i := range t.list {
		if t.list[i] == m {
			t.list = append(t.list[:i:i], t.list[i+1:]...)
			break
		}
	}
	over := t.over[m.cover]
	for i := range over {
		if over[i] == m {
			over = append(over[:i:i], over[i+1:]...)
			break
		}
	}
	if len(over) == 0 {
		delete(t.over, m.cover)
	} else {
		t.over[m.cover] = over
	}
	if m.Type == "tmpfs" {
		os.RemoveAll(m.Dir)
	}
	t.k.dirty.drop(m.key())
}

// scratchDir makes an empty directory for the files of a tmpfs at path. Its name
// depends on the path, so that a tmpfs mounted again has the same one.
func (k *machine) scratchDir(path string) (string, error) {
	if err := os.MkdirAll(k.opts.Scratch, 0o755); err != nil {
		return "", err
	}
	for n := 0; ; n++ {
		dir := filepath.Join(k.opts.Scratch, fmt.Sprintf("tmpfs-%x-%d", hash(path), n))
		if err := os.Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
	}
}

func (t *mounts) dropScratch() {
	for _, m := range t.list {
		if m.Type == "tmpfs" {
			os.RemoveAll(m.Dir)
		}
	}
}

// bySeq finds a mount; the list is in the order of the numbers.
func (t *mounts) bySeq(seq int) *mount {
	i := sort.Search(len(t.list), func(i int) bool { return t.list[i].Seq >= seq })
	if i < len(t.list) && t.list[i].Seq == seq {
		return t.list[i]
	}
	return nil
}

func (t *mounts) load(key string, value []byte) error {
	m := &mount{}
	if err := json.Unmarshal(value, m); err != nil {
		return err
	}
	if m.Seq == 0 {
		*t.root = *m
		return nil
	}
	m.cover = place{t.bySeq(m.Cover), m.CoverRel}
	if m.cover.m == nil {
		m.cover = place{t.root, m.Path} // forcibly unmounted below it
	}
	if m.shows() {
		if m.src = t.bySeq(m.Src); m.src == nil {
			return fmt.Errorf("the file system below %s is missing", m.Path)
		}
	}
	if m.Type == "tmpfs" { // its files ended with the earlier Kernel
		var err error
		if m.Dir, err = t.k.scratchDir(m.Path); err != nil {
			return err
		}
	}
	t.list = append(t.list, m)
	t.over[m.cover] = append(t.over[m.cover], m)
	return nil
}

// placeOf finds the place of a path that had been resolved.
func (t *mounts) placeOf(p string) place {
	root := t.k.cross(place{t.root, "/"})
	if at, _, e := t.k.lookupPath(root, root, p, false); e == 0 {
		return at
	}
	return place{t.root, p}
}

// busy reports whether anything but an option of force keeps m mounted.
func (t *mounts) busy(m *mount) bool {
	if m.opens > 0 {
		return true
	}
	for p := range t.over {
		if p.m == m {
			return true
		}
	}
	for _, pr := range t.k.jails.list {
		if pr.root.m == m {
			return true
		}
	}
	return t.k.procs.uses(m)
}

// shown reports whether a nullfs shows m, which keeps m mounted even by force
// unless the nullfs caches nothing.
func (t *mounts) shown(m *mount) (any, cached bool) {
	for _, n := range t.list {
		if n.src == m {
			any, cached = true, cached || !n.NoCache
		}
	}
	return any, cached
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// Getfsstat implements [kernel.Mounts].
func (v *view) Getfsstat(ctx context.Context) ([]kernel.Mounted, error) {
	var out []kernel.Mounted
	err := v.do(ctx, OpGetfsstat, "", "", func() error {
		for _, m := range v.s.mounts.list {
			mm := m.Mounted
			if v.jailed() && v.me.EnforceStatfs > 0 {
				rest, below := strings.CutPrefix(mm.Path, strings.TrimSuffix(v.me.Path, "/"))
				if v.me.EnforceStatfs == 2 && mm.Path != v.me.Path || !below || rest != "" && rest[0] != '/' {
					continue
				}
				mm.Path = "/" + strings.TrimPrefix(rest, "/")
			}
			out = append(out, mm)
		}
		return nil
	})
	return out, err
}

// AttachedMounts are those that AttachMount has added.
func (s *Kernel) AttachedMounts() (list []kernel.Mounted) {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range k.mounts.list {
		if m.Attached {
			list = append(list, m.Mounted)
		}
	}
	return list
}

// AttachMount adds a file system to the mount table that was mounted by other
// means, such as a dataset. Its files are the real ones at its path below Root.
// The path must be a directory. A zero FSID is derived from type and source, so
// that it stays the same after a reboot. If the file system is attached already,
// only its flags change.
func (s *Kernel) AttachMount(m kernel.Mounted) (kernel.Mounted, error) {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, have := range k.mounts.list {
		if have.Attached && have.From == m.From && have.Path == m.Path {
			have.Flags = m.Flags
			k.dirty.put(have.key(), have)
			return have.Mounted, k.commit()
		}
	}
	at, info, e := s.namei(m.Path)
	if e == 0 && !info.IsDir() {
		e = syscall.ENOTDIR
	}
	if e != 0 {
		return kernel.Mounted{}, pathError("mount", m.Path, e)
	}
	if m.FSID.IsZero() {
		h := hash(m.Type + "\x00" + m.From)
		m.FSID = kernel.FSID{Val: [2]int32{int32(h), int32(h >> 32)}}
	}
	m.Path = at.path()
	if at.m.shows() || !at.m.onDisk() {
		return kernel.Mounted{}, &kernel.CallError{Op: "mount", Subject: m.Path, Errno: syscall.EOPNOTSUPP, Msg: "only on a file system with real files", Err: kernel.ErrUnsupported}
	}
	k.mounts.add(&mount{Mounted: m, Attached: true}, at)
	return m, k.commit()
}

// DetachMount removes the attached file system that was mounted last at the path.
// It fails with EBUSY if the file system is in use or, with MntForce, if a nullfs
// shows it.
func (s *Kernel) DetachMount(p string, flags kernel.MountFlags) error {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := s.unmountPath(p, flags); err != nil {
		return err
	}
	return k.commit()
}

// HoldBusy acts as an open descriptor of the file or directory at path: it keeps its
// file system from being unmounted until release is called.
func (s *Kernel) HoldBusy(p string) (release func(), err error) {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	at, _, e := s.namei(p)
	if e != 0 {
		return nil, pathError("open", p, e)
	}
	at.m.opens++
	done := false
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if !done {
			done = true
			at.m.opens--
		}
	}, nil
}

// Busy reports whether a mount, the root of a jail, the working directory of a
// process or what HoldBusy has open is at the path or below it. File systems
// passed to AttachMount do not count; they belong to the caller.
func (s *Kernel) Busy(p string) bool {
	k := s.s
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, _, e := s.namei(p); e == 0 {
		p = at.path()
	}
	in := func(q string) bool {
		return q == p || p == "/" || strings.HasPrefix(q, p+"/")
	}
	for _, m := range k.mounts.list[1:] {
		if (!m.Attached || m.opens > 0) && in(m.Path) || m.src != nil && in(place{m.src, m.SrcRel}.path()) {
			return true
		}
	}
	for _, pr := range k.jails.list {
		if in(pr.Path) {
			return true
		}
	}
	return k.procs.in(in)
}
