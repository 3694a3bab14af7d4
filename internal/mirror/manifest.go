package mirror

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxManifest is the largest size of a checksum file; FreeBSD's MANIFEST has some 2 kB.
const maxManifest = 1 << 20

// Entry is one asset of a Manifest.
type Entry struct {
	Asset  string // "base.txz"
	SHA256 string // lower-case hexadecimal
	Count  int    // number of members according to a MANIFEST, or 0
}

// Manifest holds the checksums of a release's assets.
type Manifest struct {
	entries map[string]Entry
}

// archiveSuffixes are the suffixes of assets' names.
var archiveSuffixes = []string{".txz", ".tgz", ".tar", ".tzst", ".tbz", ".tar.xz", ".tar.gz", ".tar.zst", ".tar.bz2"}

// IsArchiveName reports whether a file's name ends like an archive's.
func IsArchiveName(name string) bool {
	return slices.ContainsFunc(archiveSuffixes, func(suffix string) bool {
		return len(name) > len(suffix) && strings.HasSuffix(name, suffix)
	})
}

// ParseManifest reads FreeBSD's MANIFEST (name, SHA-256, member count, ...
// separated by tabs), the output of sha256(1) as in CHECKSUMS.SHA256, and of
// sha256sum. Like libioc it takes from each line the word of 64 hexadecimal
// digits and the word that ends like an archive, in any order and with parentheses
// removed, and ignores lines without both. Two checksums for one asset wrap
// ErrManifest.
func ParseManifest(text []byte) (Manifest, error) {
	m := Manifest{entries: map[string]Entry{}}
	if len(text) > maxManifest {
		return m, fmt.Errorf("mirror: %w: %d bytes", ErrManifest, len(text))
	}
	for _, line := range strings.Split(string(text), "\n") {
		e := parseManifestLine(line)
		if e.Asset == "" || e.SHA256 == "" {
			continue
		}
		if old, ok := m.entries[e.Asset]; ok && old.SHA256 != e.SHA256 {
			return Manifest{}, fmt.Errorf("mirror: %w: two checksums for %s", ErrManifest, e.Asset)
		}
		m.entries[e.Asset] = e
	}
	return m, nil
}

func parseManifestLine(line string) Entry {
	var e Entry
	words := strings.Fields(line)
	for i, word := range words {
		word = strings.Trim(word, "()*\r")
		switch {
		case e.SHA256 == "" && isSHA256(word):
			e.SHA256 = strings.ToLower(word)
			// In a MANIFEST the count follows the checksum.
			if i > 0 && i+1 < len(words) {
				if n, err := strconv.Atoi(words[i+1]); err == nil && n > 0 {
					e.Count = n
				}
			}
		case e.Asset == "" && IsArchiveName(word) && checkAsset(word) == nil:
			e.Asset = word
		}
	}
	return e
}

func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32
}

// checkAsset rejects names that are not one path component.
func checkAsset(name string) error {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\\\x00?#%: ") {
		return fmt.Errorf("mirror: %w: asset name %q", ErrLocation, name)
	}
	return nil
}

// Asset returns the entry of an asset's file name. The error wraps ErrNoAsset.
func (m Manifest) Asset(name string) (Entry, error) {
	if e, ok := m.entries[name]; ok {
		return e, nil
	}
	return Entry{}, fmt.Errorf("%s: %w, which has %v", name, ErrNoAsset, m.Assets())
}

// Assets returns the sorted names of the assets.
func (m Manifest) Assets() []string {
	return slices.Sorted(maps.Keys(m.entries))
}
