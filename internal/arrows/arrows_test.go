package arrows

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// arrows names, for each package, the packages of this module that it may
// import. A name that ends in /... stands for all below it.
var arrows = map[string][]string{
	"events":   {},
	"fstab":    {},
	"devfs":    {},
	"config":   {"internal/ucl", "internal/rcconf", "internal/shellwords"},
	"zfsstore": {"zfsstore/internal/cmdline", "zfsstore/internal/zfsname"},
	"kernel":   {"kernel/internal/words"},

	"config/key": {"config"},

	"kernel/freebsd":   {"kernel", "kernel/internal/..."},
	"kernel/simkernel": {"host/fault", "kernel", "kernel/internal/..."}, // only host/simhost and internal/jailtest import it

	"kernel/internal/abi":        {"kernel"},
	"kernel/internal/jailparam":  {"kernel", "kernel/internal/abi", "kernel/internal/precheck", "kernel/internal/words"},
	"kernel/internal/jailwatch":  {"kernel"},
	"kernel/internal/precheck":   {"kernel", "kernel/internal/abi"},
	"kernel/internal/replaytest": {"kernel"},
	"kernel/internal/refusal":    {"kernel", "kernel/internal/words"},
	"kernel/internal/tooltext":   {"kernel", "kernel/internal/abi", "kernel/internal/precheck", "kernel/internal/refusal"},
	"kernel/internal/words":      {},

	"zfsstore/simzfs": {
		"zfsstore", "host/fault",
		"zfsstore/internal/cmdline", "zfsstore/internal/zfsname", "zfsstore/internal/zfsprop",
	},
	"zfsstore/storetest":        {"zfsstore"},
	"zfsstore/internal/cmdline": {},
	"zfsstore/internal/zfsname": {},
	"zfsstore/internal/zfsprop": {"zfsstore"},
	"kernel/kerneltest":         {"kernel"},

	"host":         {"config", "devfs", "zfsstore", "kernel", "kernel/freebsd", "internal/rcconf"},
	"host/fault":   {},
	"host/simhost": {"host", "kernel", "kernel/simkernel", "zfsstore", "zfsstore/simzfs"},

	"internal/archive":    {},
	"internal/atomicfile": {},
	"internal/catch":      {},
	"internal/ignore":     {},
	"internal/hosttest":   {"jail", "host", "config", "kernel", "zfsstore"},
	"internal/jailtest":   {"config", "events", "jail", "release", "release/releasetest", "host/simhost", "kernel", "kernel/simkernel", "zfsstore"},
	"internal/lineartest": {},
	"internal/login":      {},
	"internal/mirror":     {},
	"internal/network":    {"config", "config/key", "kernel", "internal/plan"},
	"internal/pathname":   {},
	"internal/pause":      {},
	"internal/plan":       {"events"},
	"internal/procgroup":  {},
	"internal/rcconf":     {},
	"internal/saferoot":   {},
	"internal/shellwords": {},
	"internal/step": {
		"host", "events", "config", "fstab", "kernel", "zfsstore", "jail/jailerr", "internal/plan", "internal/network",
	},
	"internal/tail": {},
	"internal/ucl":  {},

	"release": {
		"host", "events", "config", "kernel", "zfsstore", "devfs",
		"internal/plan", "internal/step", "internal/rcconf", "internal/archive", "internal/mirror",
	},
	"release/releasetest": {"release", "host", "events"},
	"jail": {
		"release", "host", "events", "config", "config/key", "fstab", "kernel", "zfsstore", "devfs",
		"jail/jailerr", "internal/plan", "internal/step", "internal/network", "internal/rcconf",
	},
	"jail/jailerr": {"kernel"},
	"jail/fleet":   {"jail", "host", "events", "config", "config/key", "kernel"},
	"sysadm":       {"jail", "release", "host", "events", "config", "config/key", "internal/login"},
}

// leaves may be imported by every package, and import none themselves.
var leaves = []string{
	"internal/atomicfile", "internal/catch", "internal/ignore", "internal/pathname", "internal/pause", "internal/procgroup",
	"internal/saferoot", "internal/shellwords", "internal/tail",
}

// modules names the packages that may import each module from elsewhere.
var modules = map[string][]string{
	"github.com/coder/websocket":         {"sysadm"},
	"github.com/hashicorp/go-multierror": {"internal/plan", "jail", "release"},
	"github.com/klauspost/compress":      {"internal/archive", "release/releasetest"},
	"github.com/mistifyio/go-zfs/v3":     {"zfsstore"},
	"github.com/stretchr/testify":        {"kernel/kerneltest", "zfsstore/storetest", "internal/jailtest"},
	"github.com/ulikunitz/xz":            {"internal/archive", "release/releasetest"},
	"golang.org/x/sys": {
		"kernel/freebsd", "host", "host/simhost",
		"internal/archive", "internal/atomicfile", "internal/saferoot", "jail",
	},
}

// systems are those whose imports are looked at; each has files of its own.
var systems = []string{"freebsd", "linux", "windows"}

func TestArrows(t *testing.T) {
	for _, goos := range systems {
		for _, p := range list(t, goos) {
			for _, bad := range badArrows(p) {
				t.Errorf("%s: %s imports %s, which the design does not have", goos, p.folder(), bad)
			}
		}
	}
}

// badArrows lists the imports within the module that are not allowed.
func badArrows(p goPackage) (bad []string) {
	for _, path := range p.Imports {
		to, ours := strings.CutPrefix(path, module+"/")
		if ours && !mayImport(p.folder(), to) {
			bad = append(bad, to)
		}
	}
	return bad
}

func mayImport(from, to string) bool {
	switch {
	case under(from, "cmd", "examples"):
		// Programs prove that the exported packages are enough.
		return !under(to, "internal", "hack")
	case from == "hack/torture":
		// Tests on the machine share the judge of what is wrong.
		return !under(to, "internal", "hack") || to == "internal/hosttest"
	case under(from, "hack", "internal/arrows"):
		return false
	case slices.Contains(leaves, to):
		return !slices.Contains(leaves, from)
	}
	return slices.ContainsFunc(arrows[from], func(allowed string) bool {
		top, below := strings.CutSuffix(allowed, "/...")
		return to == allowed || below && under(to, top)
	})
}

// TestEveryPackageHasALine: the table has every package.
func TestEveryPackageHasALine(t *testing.T) {
	for _, p := range list(t, "freebsd") {
		if !p.library() || p.folder() == "internal/arrows" {
			continue
		}
		require.Contains(t, arrows, p.folder())
	}
}

// TestNoCycle: arrows of the table point one way only.
func TestNoCycle(t *testing.T) {
	const open, closed = 1, 2
	state := map[string]int{}
	var visit func(from string, path []string)
	visit = func(from string, path []string) {
		require.NotEqual(t, open, state[from], "cycle: %v", append(path, from))
		if state[from] == closed {
			return
		}
		state[from] = open
		for to := range arrows {
			if to != from && mayImport(from, to) {
				visit(to, append(path, from))
			}
		}
		state[from] = closed
	}
	for from := range arrows {
		visit(from, nil)
	}
}

func TestModules(t *testing.T) {
	for _, goos := range systems {
		for _, p := range list(t, goos) {
			for _, bad := range badModules(p) {
				t.Errorf("%s: %s imports %s, which is not approved there", goos, p.folder(), bad)
			}
		}
	}
}

// badModules lists the imports of other modules that are not allowed. Programs
// may use any required module.
func badModules(p goPackage) (bad []string) {
	if !p.library() {
		return nil
	}
	for _, path := range p.Imports {
		first, _, _ := strings.Cut(path, "/")
		if !strings.Contains(first, ".") || path == module || strings.HasPrefix(path, module+"/") {
			continue // the standard library, or ours
		}
		ok := false
		for name, users := range modules {
			if under(path, name) {
				ok = slices.Contains(users, p.folder())
			}
		}
		if !ok {
			bad = append(bad, path)
		}
	}
	return bad
}

// TestRulesBite: the checks find violations.
func TestRulesBite(t *testing.T) {
	p := func(folder string, imports ...string) goPackage {
		return goPackage{ImportPath: module + "/" + folder, Imports: imports}
	}
	for name, bad := range map[string][]string{
		"up":       badArrows(p("kernel", module+"/host")),
		"sideways": badArrows(p("zfsstore", module+"/kernel")),
		"leaf":     badArrows(p("internal/atomicfile", module+"/internal/saferoot")),
		"program":  badArrows(p("cmd/x", module+"/internal/plan")),
		"example":  badArrows(p("examples/x", module+"/internal/plan")),
		"sysadm":   badArrows(p("sysadm", module+"/zfsstore")),
		"unplaced": badArrows(p("newcomer", module+"/events")),
		"module":   badModules(p("jail", "github.com/mistifyio/go-zfs/v3")),
		"unknown":  badModules(p("jail", "example.org/x")),
		"testify":  badModules(p("events", "github.com/stretchr/testify/require")),
	} {
		require.Len(t, bad, 1, name)
	}
	require.Empty(t, badArrows(p("fstab", module+"/internal/atomicfile", "os")))
	require.Empty(t, badArrows(p("jail", module+"/internal/plan", module+"/kernel")))
	require.Empty(t, badModules(p("internal/archive", "github.com/ulikunitz/xz/lzma", "golang.org/x/sys/unix")))
}
