package archive

import (
	"archive/tar"
	"fmt"
	"path/filepath"
	"strings"
)

// maxName is the longest name of a member; FreeBSD's PATH_MAX is 1024.
const maxName = 4096

// member is a header that was accepted.
type member struct {
	hdr  *tar.Header
	name string // cleaned, slash-separated, "." for the root itself
	kind kind
	link string // cleaned target of a hard link
}

// checker decides on each header in turn.
type checker struct {
	opts  Options
	tree  tree
	stats *Stats
}

// accept checks one header. It returns nil without an error for a header that is not
// a member.
func (c *checker) accept(hdr *tar.Header) (*member, error) {
	refuse := func(err error, reason string) (*member, error) {
		return nil, &MemberError{Name: hdr.Name, Reason: reason, Err: err}
	}
	if c.stats.Members++; c.stats.Members > c.opts.MaxMembers {
		return refuse(ErrTooLarge, fmt.Sprintf("more than %d members", c.opts.MaxMembers))
	}
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		c.stats.Members--
		return nil, globalHeader(hdr)
	}

	m := &member{hdr: hdr}
	var err error
	if m.name, err = cleanName(hdr.Name); err != nil {
		return refuse(err, "")
	}
	switch hdr.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		m.kind = kindFile
		if strings.HasSuffix(hdr.Name, "/") {
			// tar(5): some programs treat this as a directory.
			return refuse(ErrFormat, "file whose name ends in a slash")
		}
	case tar.TypeDir:
		m.kind = kindDir
	case tar.TypeSymlink:
		m.kind = kindSymlink
		if hdr.Linkname == "" {
			return refuse(ErrFormat, "symbolic link without a target")
		}
	case tar.TypeLink:
		if m.link, err = cleanName(hdr.Linkname); err != nil {
			return refuse(fmt.Errorf("%w: %q: %w", ErrLinkEscape, hdr.Linkname, err), "")
		}
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return refuse(ErrDevice, "")
	default:
		return refuse(ErrFormat, fmt.Sprintf("type %q", hdr.Typeflag))
	}
	if m.name == "." && m.kind != kindDir {
		return refuse(ErrFormat, "the root is not a directory")
	}

	if m.kind != kindFile && hdr.Size != 0 {
		// Programs differ on whether content follows such a header.
		return refuse(ErrFormat, fmt.Sprintf("%d bytes of content in a member without content", hdr.Size))
	}
	if hdr.Size < 0 {
		return refuse(ErrFormat, "negative size")
	}
	if hdr.Size > c.opts.MaxMember {
		return refuse(ErrTooLarge, fmt.Sprintf("%d bytes, %d allowed", hdr.Size, c.opts.MaxMember))
	}
	if hdr.Size > c.opts.MaxTotal-c.stats.Bytes {
		return refuse(ErrTooLarge, fmt.Sprintf("the members exceed %d bytes", c.opts.MaxTotal))
	}

	if err := c.place(m); err != nil {
		return nil, err
	}
	if m.kind == kindFile && hdr.Typeflag != tar.TypeLink {
		c.stats.Bytes += hdr.Size
	}
	return m, nil
}

// place checks the member against the disk and the archive's earlier members.
func (c *checker) place(m *member) error {
	refuse := func(err error, reason string) error {
		return &MemberError{Name: m.hdr.Name, Reason: reason, Err: err}
	}
	if at, err := parents(c.tree, m.name); err != nil {
		return refuse(err, at)
	}
	if m.kind == kindDir {
		k, err := c.tree.at(m.name)
		if err != nil {
			return refuse(err, "")
		}
		if k == kindSymlink {
			return refuse(ErrThroughSymlink, "directory where a link exists")
		}
	}
	if m.hdr.Typeflag == tar.TypeLink {
		if at, err := parents(c.tree, m.link); err != nil {
			return refuse(err, "target "+m.hdr.Linkname+": "+at)
		}
		k, err := c.tree.at(m.link)
		if err != nil {
			return refuse(err, m.hdr.Linkname)
		}
		if k == kindNone || k == kindDir || m.link == m.name {
			return refuse(ErrLinkTarget, m.hdr.Linkname)
		}
		m.kind = k // a link to a symbolic link is one itself
	}
	c.tree.set(m.name, m.kind)
	return nil
}

// parents checks each directory on the way to name. If one is a symbolic link or not
// a directory, it returns its name and the error.
func parents(t tree, name string) (at string, err error) {
	for i := 0; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		switch k, err := t.at(name[:i]); {
		case err != nil:
			return name[:i], err
		case k == kindSymlink:
			return name[:i], ErrThroughSymlink
		case k == kindNone:
			// The extractor creates it; nothing is below it yet.
			t.set(name[:i], kindDir)
		case k != kindDir:
			return name[:i], ErrNotDirectory
		}
	}
	return "", nil
}

// cleanName turns "./bin//sh" and "bin/sh/" into "bin/sh", "./" into ".".
func cleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("%w: empty name", ErrFormat)
	case len(name) > maxName:
		return "", fmt.Errorf("%w: name of %d bytes", ErrFormat, len(name))
	case strings.IndexByte(name, 0) >= 0:
		return "", fmt.Errorf("%w: NUL in a name", ErrFormat)
	case name[0] == '/':
		return "", ErrAbsolutePath
	}
	parts := strings.Split(name, "/")
	kept := parts[:0]
	for _, p := range parts {
		switch p {
		case "", ".":
		case "..":
			return "", ErrDotDot
		default:
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return ".", nil
	}
	clean := strings.Join(kept, "/")
	// Drive letters, backslashes and reserved names, on systems that have them.
	if !filepath.IsLocal(clean) {
		return "", ErrAbsolutePath
	}
	return clean, nil
}
