package archive

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
)

// Default limits, for those that [Options] leaves zero. FreeBSD's base.txz has some
// 30,000 members, ports.txz some 200,000, and the largest is about 1.5 GiB.
const (
	DefaultMaxMember  int64 = 4 << 30
	DefaultMaxTotal   int64 = 16 << 30
	DefaultMaxMembers       = 500_000
)

// Extractor says which program writes the members.
type Extractor string

const (
	// ExtractAuto is bsdtar on FreeBSD, otherwise Go.
	ExtractAuto Extractor = ""
	// ExtractGo writes through os.Root.
	ExtractGo Extractor = "go"
	// ExtractBsdtar passes the checked bytes to bsdtar(1).
	ExtractBsdtar Extractor = "bsdtar"
)

// Decompressor says what decompresses xz.
type Decompressor string

const (
	// DecompressAuto is xz(1) on FreeBSD, otherwise Go.
	DecompressAuto Decompressor = ""
	// DecompressGo decompresses in this process. The others (gzip, zstd,
	// bzip2) always do.
	DecompressGo Decompressor = "go"
	// DecompressXZ runs xz(1) in a pipe. It is several times as fast, and since
	// version 5.4 uses all CPUs.
	DecompressXZ Decompressor = "xz"
)

// Options of [Extract]. The zero value is usable: defaults for the limits, no
// hash.
type Options struct {
	MaxMember  int64 // bytes of one member, sparse ones expanded; 0: DefaultMaxMember
	MaxTotal   int64 // bytes of all members; 0: DefaultMaxTotal
	MaxMembers int   // number of members; 0: DefaultMaxMembers

	// SHA256 is the expected checksum of the compressed bytes, 64 hexadecimal
	// digits; empty: not checked.
	SHA256 string
	// Size is the expected number of compressed bytes; 0: unknown.
	Size int64
	// Progress, if not nil, is called after each read of compressed bytes, never
	// concurrently, and must not block. total is Size.
	Progress func(received, total int64)

	Extractor  Extractor
	BsdtarPath string // default /usr/bin/bsdtar

	Decompressor Decompressor
	XZPath       string // default /usr/bin/xz
}

// Stats describes the contents of an archive.
type Stats struct {
	Format   string // "xz", "gzip", "zstd", "bzip2" or "tar"
	Members  int
	Bytes    int64  // sum of the files' sizes
	Received int64  // compressed bytes read
	SHA256   string // of the compressed bytes, lower-case hexadecimal
}

func (o Options) withDefaults() (Options, error) {
	o.MaxMember = cmp.Or(o.MaxMember, DefaultMaxMember)
	o.MaxTotal = cmp.Or(o.MaxTotal, DefaultMaxTotal)
	o.MaxMembers = cmp.Or(o.MaxMembers, DefaultMaxMembers)
	if o.MaxMember < 0 || o.MaxTotal < 0 || o.MaxMembers < 0 || o.Size < 0 {
		return o, fmt.Errorf("archive: negative limit or size in the options")
	}
	o.SHA256 = strings.ToLower(o.SHA256)
	if o.SHA256 != "" {
		if raw, err := hex.DecodeString(o.SHA256); err != nil || len(raw) != 32 {
			return o, fmt.Errorf("archive: %q is not a SHA-256", o.SHA256)
		}
	}
	o.BsdtarPath = cmp.Or(o.BsdtarPath, "/usr/bin/bsdtar")
	o.XZPath = cmp.Or(o.XZPath, "/usr/bin/xz")
	extractor, decompressor := ExtractGo, DecompressGo
	if runtime.GOOS == "freebsd" {
		extractor, decompressor = ExtractBsdtar, DecompressXZ
	}
	o.Extractor = cmp.Or(o.Extractor, extractor)
	if o.Extractor != ExtractGo && o.Extractor != ExtractBsdtar {
		return o, fmt.Errorf("archive: unknown extractor %q", o.Extractor)
	}
	o.Decompressor = cmp.Or(o.Decompressor, decompressor)
	if o.Decompressor != DecompressGo && o.Decompressor != DecompressXZ {
		return o, fmt.Errorf("archive: unknown decompressor %q", o.Decompressor)
	}
	return o, nil
}
