package simkernel

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// devNodes are the nodes of the recorded machine's devfs, directories marked by
// a slash. The terminals and disks are those of a small virtual machine.
var devNodes = strings.Fields(`acpi apm apmctl atkbd0 audit auditpipe bpf bpf0 bpsm0 cd0 console consolectl ctty
cuau0 cuau0.init cuau0.lock devctl devctl2 devstat fd/ fido full geom.ctl hpet0 input/ io kbd0 kbd1 kbdmux0 klog
kmem mdctl mem null pass0 pci pfil psm0 random reroot stderr stdin stdout sysmouse ttyu0 ttyu0.init ttyu0.lock
ttyv0 ttyv1 ttyv2 ttyv3 ttyv4 ttyv5 ttyv6 ttyv7 ttyv8 ttyv9 ttyva ttyvb ufssuspend uinput urandom vtbd0 vtbd0p1
vtbd0p2 vtbd1 vtbd2 vtbd3 xpt0 zero zfs`)

// devNode finds a node by its name without the slash.
func (k *machine) devNode(name string) (dir, ok bool) {
	switch {
	case name == "zfs" && k.opts.NoZFS, name == "gptid" && !k.rel.gptid:
		return false, false
	case name == "gptid":
		return true, true
	case name == "shm": // linux_common.ko, which the others load
		return true, slices.ContainsFunc([]string{"linux", "linux64", "linux_common", "linprocfs", "linsysfs"}, k.hasModule)
	case slices.Contains(devNodes, name+"/"):
		return true, true
	}
	return false, slices.Contains(devNodes, name)
}

// visible lists the nodes that a devfs shows.
func (k *machine) visible(m *mount) []string {
	var out []string
	for _, n := range append([]string{"gptid", "shm"}, devNodes...) {
		n = strings.TrimSuffix(n, "/")
		if _, ok := k.devNode(n); ok && !slices.Contains(m.Hidden, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// applyRuleset does to a devfs what DEVFSIO_SAPPLY and mounting with ruleset=
// do: the rules act on the nodes once, in their order.
func (k *machine) applyRuleset(m *mount, ruleset uint16) {
	hidden := map[string]bool{}
	for _, n := range m.Hidden {
		hidden[n] = true
	}
	for _, n := range append([]string{"gptid", "shm"}, devNodes...) {
		n = strings.TrimSuffix(n, "/")
		k.applyRules(ruleset, n, hidden, 0)
	}
	m.Hidden = m.Hidden[:0:0]
	for n, h := range hidden {
		if h {
			m.Hidden = append(m.Hidden, n)
		}
	}
	slices.Sort(m.Hidden)
}

// applyRules applies a ruleset and those it includes to one node. The kernel
// has a limit on the depth too, which ends a loop of includes.
func (k *machine) applyRules(ruleset uint16, node string, hidden map[string]bool, depth int) {
	if depth > 8 {
		return
	}
	for _, r := range k.devfs.sets[ruleset] {
		if r.Path != "" {
			if ok, err := path.Match(r.Path, node); err != nil || !ok {
				continue
			}
		}
		if r.Types != 0 && r.Types&devType(node) == 0 {
			continue
		}
		switch {
		case r.Include != 0:
			k.applyRules(r.Include, node, hidden, depth+1)
		case r.Hide:
			hidden[node] = true
		case r.Unhide:
			hidden[node] = false
		}
	}
}

func devType(node string) uint32 {
	switch {
	case strings.HasPrefix(node, "vtbd"), node == "cd0":
		return kernel.DevDisk
	case strings.HasPrefix(node, "tty"), strings.HasPrefix(node, "cua"), node == "console", node == "ctty":
		return kernel.DevTTY
	case node == "mem", node == "kmem":
		return kernel.DevMem
	}
	return 0
}

// devLstat returns what lstat(2) reports for a node.
func (k *machine) devLstat(m *mount, rel string) (fs.FileInfo, syscall.Errno) {
	name := strings.TrimPrefix(rel, "/")
	dir, ok := k.devNode(name)
	if !ok || slices.Contains(m.Hidden, name) {
		return nil, syscall.ENOENT
	}
	mode := fs.ModeDevice | fs.ModeCharDevice | 0o666
	if dir {
		mode = fs.ModeDir | 0o555
	}
	return devInfo{name, mode}, 0
}

// devInfo is a node of devfs as fs.FileInfo.
type devInfo struct {
	name string
	mode fs.FileMode
}

func (d devInfo) Name() string       { return d.name }
func (d devInfo) Size() int64        { return 0 }
func (d devInfo) Mode() fs.FileMode  { return d.mode }
func (d devInfo) ModTime() time.Time { return time.Time{} }
func (d devInfo) IsDir() bool        { return d.mode.IsDir() }
func (d devInfo) Sys() any           { return nil }

// ReadDir lists a directory as the host sees it, devfs included, sorted. In
// procfs and fdescfs there is nothing to list.
func (s *Kernel) ReadDir(p string) ([]string, error) {
	var names []string
	err := s.do(context.Background(), OpReadDir, p, p, func() error {
		at, info, e := s.namei(p)
		if e == 0 && !info.IsDir() {
			e = syscall.ENOTDIR
		}
		if e != 0 {
			return pathError("open", p, e)
		}
		var err error
		names, err = s.s.readDir(at)
		return err
	})
	return names, err
}
