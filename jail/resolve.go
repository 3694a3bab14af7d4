package jail

import (
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
)

// shortUUID is how many characters of a UUID name a jail, as libioc prints it.
const shortUUID = 8

// AmbiguousError is the short form of several UUIDs. errors.Is(err,
// ErrAmbiguous).
type AmbiguousError struct {
	Name    string
	Matches []string // "source/name" of each, sorted
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%v: %s is %s", ErrAmbiguous, e.Name, strings.Join(e.Matches, ", "))
}

// Is makes the error an ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// mountedJail is a jail before its configuration was read.
type mountedJail struct {
	source host.Source
	name   string
	path   string // where its dataset is mounted
}

// resolve finds a mounted jail by its name, in the order of the sources, else by
// the short form of its UUID.
func resolve(mounts host.MountTable, sources []host.Source, name string) (mountedJail, bool, error) {
	for _, source := range sources {
		if path, ok := mounts.Dataset(source.Jails() + "/" + name); ok {
			return mountedJail{source: source, name: name, path: path}, true, nil
		}
	}
	if len(name) != shortUUID {
		return mountedJail{}, false, nil
	}
	var all []mountedJail
	for _, source := range sources {
		for _, m := range mounts {
			full, ok := strings.CutPrefix(m.From, source.Jails()+"/")
			if m.Type == "zfs" && ok && config.IsUUID(full) && strings.EqualFold(full[:shortUUID], name) {
				all = append(all, mountedJail{source: source, name: full, path: m.Path})
			}
		}
	}
	switch len(all) {
	case 0:
		return mountedJail{}, false, nil
	case 1:
		return all[0], true, nil
	}
	refused := &AmbiguousError{Name: name}
	for _, f := range all {
		refused.Matches = append(refused.Matches, f.source.Name+"/"+f.name)
	}
	slices.Sort(refused.Matches)
	return mountedJail{}, false, refused
}
