package devfs

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func testSet(t testing.TB, user string) *Set {
	t.Helper()
	f, err := Parse("user", []byte(user))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSet([]*File{parseFile(t, "defaults.rules")}, f, SetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func texts(rules []Rule) []string {
	var list []string
	for _, r := range rules {
		list = append(list, r.String())
	}
	return list
}

func TestDuplicatesOverFiles(t *testing.T) {
	system := parseFile(t, "defaults.rules")
	user, err := Parse("user", []byte("[mine=4]\nadd path x unhide\n"))
	if err != nil {
		t.Fatal(err)
	}
	var dup *DuplicateError
	if _, err = NewSet([]*File{system}, user, SetOptions{}); !errors.As(err, &dup) || dup.First.Name != "devfsrules_jail" || dup.Second.File != "user" {
		t.Errorf("got %v", err)
	}
	s, err := NewSet([]*File{system}, user, SetOptions{LastWins: true})
	if err != nil {
		t.Fatal(err)
	}
	if rs, err := s.find(Ref{Number: 4}, ""); err != nil || rs.Name != "mine" {
		t.Errorf("number 4 is %q, %v", rs.Name, err)
	}
	if _, err := s.find(Ref{Name: "devfsrules_jail"}, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("the replaced one: %v", err)
	}
}

func TestLookup(t *testing.T) {
	s := testSet(t, "")
	for _, ref := range []string{"4", "devfsrules_jail"} {
		if rs, err := s.Lookup(ref); err != nil || rs.Number != 4 || rs.Name != "devfsrules_jail" {
			t.Errorf("%s: %+v, %v", ref, rs, err)
		}
	}
	for _, ref := range []string{"6", "0", "99999", "", "jail"} {
		var missing *NotFoundError
		if _, err := s.Lookup(ref); !errors.As(err, &missing) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

func TestEnsure(t *testing.T) {
	s := testSet(t, "[mine=7]\nadd hide\nadd path x unhide\n")
	base, err := s.Lookup("4")
	if err != nil {
		t.Fatal(err)
	}
	wanted := Extend(base.Rules, ForDHCP())
	rs, created, err := s.Ensure(wanted, EnsureOptions{InUse: []uint16{8, 10}})
	if err != nil || !created || rs.Number != 9 || rs.Name != "iocage_auto_9" {
		t.Fatalf("%+v %v %v", rs, created, err)
	}
	saved := s.User().Marshal()
	rs, created, err = s.Ensure(wanted, EnsureOptions{})
	if err != nil || created || rs.Number != 9 {
		t.Errorf("a second time: %+v %v %v", rs, created, err)
	}
	if !bytes.Equal(s.User().Marshal(), saved) {
		t.Error("a second time changed the file")
	}
	byNumber := slices.Clone(wanted)
	byNumber[0].Include = Ref{Number: 1}
	if rs, ok := s.FindEqual(byNumber); !ok || rs.Number != 9 {
		t.Errorf("the same with an include by number: %+v %v", rs, ok)
	}
	if _, ok := s.FindEqual(wanted[1:]); ok {
		t.Error("found another list")
	}
	if rs, created, err := s.Ensure(base.Rules, EnsureOptions{}); err != nil || created || rs.Number != 4 {
		t.Errorf("nothing extra: %+v %v %v", rs, created, err)
	}
	if _, _, err := s.Ensure(nil, EnsureOptions{}); !errors.Is(err, ErrSyntax) {
		t.Errorf("no rules: %v", err)
	}
	if rs, _, err = s.Ensure(Extend(wanted, ForVMM()), EnsureOptions{Minimum: 1000}); err != nil || rs.Number != 1000 {
		t.Errorf("with a minimum: %+v %v", rs, err)
	}
}

func TestEnsureAvoidsTakenName(t *testing.T) {
	s := testSet(t, "[iocage_auto_8=7]\nadd path y unhide\n")
	rs, created, err := s.Ensure(ForDHCP(), EnsureOptions{})
	if err != nil || !created || rs.Number != 9 || rs.Name != "iocage_auto_9" {
		t.Errorf("%+v %v %v", rs, created, err)
	}
}

func TestNumbersRunOut(t *testing.T) {
	s := testSet(t, "[last=65535]\nadd hide\n")
	if n, err := s.NextNumber(EnsureOptions{InUse: []uint16{6}}); n != 7 || err != nil {
		t.Errorf("after the last: %d, %v", n, err)
	}
	if _, err := s.NextNumber(EnsureOptions{Minimum: 65535}); !errors.Is(err, ErrNumbers) {
		t.Errorf("none left: %v", err)
	}
}

func TestFlatten(t *testing.T) {
	s := testSet(t, `[outer=20]
add include $devfsrules_jail
add path pf unhide
[order=21]
add 300 path c unhide
add path d unhide
add 10 path a unhide
[cond=22]
add type disk mode 0600 include 23
[plain=23]
add path x hide
[loop=24]
add include 25
[loop2=25]
add include $loop
[missing=26]
add include $nobody
[twopaths=27]
add path y include 23
[twice=28]
add 5 hide
add 5 path x unhide
[bad=29]
nonsense
[onbad=30]
add include 29
`)
	jail, err := s.find(Ref{Number: 4}, "")
	if err != nil {
		t.Fatal(err)
	}
	flatJail, err := s.Flatten(jail)
	if err != nil || len(flatJail) != 1+5+40+2 || flatJail[0].String() != "add hide" {
		t.Fatalf("ruleset 4 has %d rules, %v", len(flatJail), err)
	}
	outer, _ := s.find(Ref{Number: 20}, "")
	if got, err := s.Flatten(outer); err != nil || !reflect.DeepEqual(got, append(flatJail, Rule{Path: "pf", Visibility: Unhide})) {
		t.Errorf("an include two levels deep is lost: %q, %v", texts(got), err)
	}
	for number, want := range map[uint16][]string{
		21: {"add path a unhide", "add path c unhide", "add path d unhide"},
		22: {"add type disk mode 0600", "add type disk path x hide"},
	} {
		rs, _ := s.find(Ref{Number: number}, "")
		if got, err := s.Flatten(rs); err != nil || !reflect.DeepEqual(texts(got), want) {
			t.Errorf("%d: %q, %v", number, texts(got), err)
		}
	}
	for number, want := range map[uint16]error{24: ErrInclude, 26: ErrNotFound, 27: ErrInclude, 28: ErrSyntax, 29: ErrSyntax, 30: ErrSyntax} {
		rs, _ := s.find(Ref{Number: number}, "")
		if got, err := s.Flatten(rs); !errors.Is(err, want) {
			t.Errorf("%d: %q, %v", number, texts(got), err)
		}
	}
}

func TestJailRules(t *testing.T) {
	zfs, err := ForZFS("tank/a b/c", "tank/x")
	want := []string{
		"add path zvol unhide", "add path zvol/tank unhide", "add path 'zvol/tank/a b' unhide",
		"add path 'zvol/tank/a b/c' unhide", "add path 'zvol/tank/a b/c/*' unhide",
		"add path zvol/tank/x unhide", "add path 'zvol/tank/x/*' unhide",
	}
	if err != nil || !reflect.DeepEqual(texts(zfs), want) {
		t.Errorf("%q, %v", texts(zfs), err)
	}
	for _, bad := range []string{"", "/tank", "tank//a", "tank/*", "tank/../mem", "tank/a\nadd unhide", "tank/[ab]"} {
		if got, err := ForZFS(bad); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %q, %v", bad, texts(got), err)
		}
	}
	if got := texts(Extend(ForDHCP(), ForVMM(), ForZFSControl(), ForDHCP())); !reflect.DeepEqual(got, []string{
		"add path 'bpf*' unhide", "add path vmm unhide", "add path 'vmm/*' unhide", "add path 'nmdm*' unhide", "add path zfs unhide",
	}) {
		t.Errorf("%q", got)
	}
}
