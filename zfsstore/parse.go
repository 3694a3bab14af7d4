package zfsstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

// errAmbiguous is returned for ambiguous output. The value of a user property may
// hold tabs and newlines, and root in a jail can set it on the datasets attached
// to the jail.
var errAmbiguous = errors.New("the output of zfs get is ambiguous")

// maxLine bounds a line of output. The longest value is 8191 bytes, but the
// clones of a snapshot are listed on one line.
const maxLine = 16 << 20

// parser reads the lines of zfs get -Hp -o name,property,value,source. All
// lines of a dataset follow each other, that of its type first.
//
// It rejects ambiguous output. When certain properties were requested, each dataset
// has exactly those, in order, and ends with a native one; a forged line would
// displace a true one, which is detected. When all were requested, a dataset ends
// with user properties, and the names must be checked too if needsCheck is set.
type parser struct {
	list []string // properties in the order requested, nil for all
	only string   // the dataset requested, "" for many

	wanted     map[string]bool // properties to return, nil for all
	found      []Dataset
	index      map[string]bool // names seen
	next       int             // in list
	user       bool            // whether a user property of the current dataset was seen
	natives    map[string]bool // native properties of it seen so far
	needsCheck bool
}

func newParser(only string, properties []string) *parser {
	p := &parser{list: cmdline.Asked(properties), only: only, index: make(map[string]bool)}
	if p.list != nil {
		p.wanted = make(map[string]bool)
		for _, name := range properties {
			p.wanted[name] = true
		}
	}
	return p
}

// parse reads r to its end.
func (p *parser) parse(r io.Reader) ([]Dataset, error) {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 1<<16), maxLine)
	in.Split(scanLines)
	record := ""
	open := false
	for in.Scan() {
		line := in.Text()
		switch {
		case p.begins(line):
			if open {
				if err := p.add(record); err != nil {
					return nil, err
				}
			}
			record, open = line, true
		case !open:
			return nil, fmt.Errorf("zfs get: unexpected line %q", line)
		case p.only == "" && p.looksLikeRecord(line):
			return nil, errAmbiguous
		default:
			record += "\n" + line
			p.needsCheck = true
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if open {
		if err := p.add(record); err != nil {
			return nil, err
		}
	}
	if p.list != nil && p.next != 0 {
		return nil, errAmbiguous
	}
	return p.found, nil
}

// scanLines splits at newlines only; bufio.ScanLines would drop a carriage return
// that belongs to a value.
func scanLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := slices.Index(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// begins reports whether a line begins a record that may come next, and if so
// advances to it.
func (p *parser) begins(line string) bool {
	name, rest, ok := strings.Cut(line, "\t")
	property, _, ok2 := strings.Cut(rest, "\t")
	if !ok || !ok2 || name == "" {
		return false
	}
	if p.only != "" && name != p.only {
		return false
	}
	if p.list != nil {
		if property != p.list[p.next] || p.next > 0 && name != p.current() || p.only != "" && p.next == 0 && p.index[name] {
			return false
		}
		p.next = (p.next + 1) % len(p.list)
		if property == cmdline.Basic[0] {
			p.start(name)
		}
		return true
	}
	switch {
	case property == cmdline.Basic[0] && (name != p.current() || len(p.found) == 0) && !(p.only != "" && p.index[name]):
		p.start(name)
		return true
	case name != p.current():
		return false
	case isUserProperty(property):
		p.user = true
		return true
	}
	// Native properties come before all user properties, each once.
	if p.user || p.natives[property] || !looksNative(property) {
		return false
	}
	p.natives[property] = true
	return true
}

func (p *parser) current() string {
	if len(p.found) == 0 {
		return ""
	}
	return p.found[len(p.found)-1].Name
}

func (p *parser) start(name string) {
	p.found = append(p.found, Dataset{Name: name, Properties: make(map[string]Property)})
	p.user, p.natives = false, map[string]bool{cmdline.Basic[0]: true}
}

// looksLikeRecord reports whether a line other than the one expected could be a
// record too.
func (p *parser) looksLikeRecord(line string) bool {
	fields := strings.Split(line, "\t")
	if len(fields) < 3 || fields[0] == "" {
		return false
	}
	if p.list != nil {
		return slices.Contains(p.list, fields[1])
	}
	return isUserProperty(fields[1]) || looksNative(fields[1])
}

// looksNative reports whether a word may be the name of a native property:
// zfs-get prints userused@..., written@... and the like with them.
func looksNative(word string) bool {
	for _, c := range []byte(word) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '@' || c == '#') {
			return false
		}
	}
	return word != ""
}

func validSource(s string) bool {
	switch Source(s) {
	case SourceNone, SourceLocal, SourceDefault, SourceReceived, SourceTemporary:
		return true
	}
	return strings.HasPrefix(s, "inherited from ")
}

// add adds a whole record.
func (p *parser) add(record string) error {
	name, rest, _ := strings.Cut(record, "\t")
	property, rest, _ := strings.Cut(rest, "\t")
	end := strings.LastIndexByte(rest, '\t')
	if end < 0 || !validSource(rest[end+1:]) {
		return fmt.Errorf("zfs get: no source in %q", record)
	}
	value, source := rest[:end], rest[end+1:]
	if strings.Contains(value, "\n") && !isUserProperty(property) {
		return errAmbiguous
	}
	d := p.byName(name)
	if property == cmdline.Basic[0] {
		if p.index[name] {
			return errAmbiguous
		}
		p.index[name] = true
	}
	if property == "jailed" && value == "on" {
		p.needsCheck = true
	}
	if err := setField(d, property, value); err != nil {
		return fmt.Errorf("zfs get: %s of %s: %w", property, name, err)
	}
	if p.wanted != nil && !p.wanted[property] || isUserProperty(property) && source == string(SourceNone) {
		return nil
	}
	d.Properties[property] = Property{Value: value, Source: Source(source)}
	return nil
}

// byName returns the dataset a record belongs to: the current one, or the one before
// if the first line of the current one was just seen.
func (p *parser) byName(name string) *Dataset {
	last := len(p.found) - 1
	if p.found[last].Name != name && last > 0 {
		last--
	}
	return &p.found[last]
}

func isUserProperty(name string) bool { return strings.Contains(name, ":") }

// setField sets the field of a Dataset that holds a property.
func setField(d *Dataset, property, value string) (err error) {
	if value == "-" {
		return nil
	}
	number := func(n *uint64) (err error) {
		*n, err = strconv.ParseUint(value, 10, 64)
		return err
	}
	switch property {
	case "guid":
		return number(&d.GUID)
	case "createtxg":
		return number(&d.CreateTXG)
	case "used":
		return number(&d.Used)
	case "available":
		return number(&d.Available)
	case "referenced":
		return number(&d.Referenced)
	case "type":
		d.Type = Type(value)
	case "creation":
		var seconds int64
		seconds, err = strconv.ParseInt(value, 10, 64)
		d.Creation = time.Unix(seconds, 0)
	case "origin":
		d.Origin = value
	case "clones":
		if value != "" {
			d.Clones = strings.Split(value, ",")
		}
	case "mountpoint":
		if strings.HasPrefix(value, "/") {
			d.Mountpoint = value
		}
	case "mounted":
		d.Mounted = value == "yes"
	}
	return err
}
