package release

import (
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/internal/saferoot"
)

// ErrNoVersion: a tree does not tell what release it is.
var ErrNoVersion = errors.New("no release version found")

// TreeVersion reads what release and patch level the userland below a root
// directory is: the line USERLAND_VERSION="13.2-RELEASE-p4" of
// bin/freebsd-version, which freebsd-update(8) replaces with each update of the
// userland. Without a patch level there the name is not pinned. The file is read,
// not run, and no symbolic link is followed. Errors: ErrNoVersion,
// *NameError, *saferoot.EscapeError, those of files.
func TreeVersion(root string) (Name, error) {
	r, err := saferoot.Open(root)
	if err != nil {
		return Name{}, err
	}
	defer r.Close()
	data, err := r.ReadFile("bin/freebsd-version", 1<<20)
	if err != nil {
		return Name{}, fmt.Errorf("%w: %w", ErrNoVersion, err)
	}
	return parseVersion(data)
}

func parseVersion(script []byte) (Name, error) {
	for line := range strings.Lines(string(script)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "USERLAND_VERSION=")
		if !ok {
			continue
		}
		return ParseName(strings.Trim(text, `"'`))
	}
	return Name{}, fmt.Errorf("%w: bin/freebsd-version has no USERLAND_VERSION", ErrNoVersion)
}
