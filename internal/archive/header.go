package archive

import (
	"archive/tar"
	"fmt"
	"strconv"
	"strings"
)

// unambiguous rejects headers that tar programs read differently, given the raw
// blocks of one member's headers and archive/tar's reading of them. POSIX has one
// extended header before a member; of two, archive/tar applies the last, libarchive
// both. The precedence of PAX and GNU long names differs as well.
func unambiguous(raw []byte, hdr *tar.Header) error {
	bad := func(format string, args ...any) error {
		return &MemberError{Name: hdr.Name, Reason: fmt.Sprintf(format, args...), Err: ErrFormat}
	}
	seen := map[byte]int{}
	for len(raw) >= blockSize {
		flag := raw[156]
		if flag != tar.TypeXHeader && flag != tar.TypeGNULongName && flag != tar.TypeGNULongLink {
			break
		}
		if seen[flag]++; seen[flag] > 1 {
			return bad("two extended headers of type %q", flag)
		}
		text := strings.Trim(string(raw[124:136]), " \x00")
		size, err := strconv.ParseUint(text, 8, 32)
		if err != nil {
			return bad("size %q of an extended header", text)
		}
		skip := blockSize + (int(size)+blockSize-1)/blockSize*blockSize
		if skip > len(raw) {
			return bad("extended header beyond the member's header")
		}
		raw = raw[skip:]
	}
	if seen[tar.TypeXHeader] > 0 && len(seen) > 1 {
		return bad("PAX and GNU extended headers for one member")
	}
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		if len(seen) > 0 {
			return bad("extended header before a global header")
		}
		return nil
	}
	for _, key := range []string{"path", "linkpath", "size"} {
		if v, ok := hdr.PAXRecords[key]; ok && v == "" {
			return bad("empty PAX record %q", key)
		}
	}
	if name, ok := hdr.PAXRecords["GNU.sparse.name"]; ok && name != hdr.Name {
		return bad("GNU.sparse.name %q is not the name", name)
	}
	return nil
}

// globalHeader admits a PAX global header only with a comment, as git-archive
// writes it: archive/tar ignores the other records, libarchive may not.
func globalHeader(hdr *tar.Header) error {
	for key := range hdr.PAXRecords {
		if key != "comment" {
			return &MemberError{Name: hdr.Name, Reason: fmt.Sprintf("global PAX record %q", key), Err: ErrFormat}
		}
	}
	return nil
}
