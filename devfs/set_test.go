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
	return NewSet([]*File{parseFile(t, "defaults.rules")}, Parse("user", []byte(user)))
}

func texts(rules []Rule) []string {
	var list []string
	for _, r := range rules {
		list = append(list, r.String())
	}
	return list
}

// Before, a file with two rulesets of one number could not be read at all.
func TestLaterOfOneNumberCounts(t *testing.T) {
	s := NewSet([]*File{parseFile(t, "defaults.rules")}, parseFile(t, "twice.rules"))
	for _, ref := range []string{"7", "devfsrules_bpf"} {
		rs, err := s.Lookup(ref)
		if err != nil || rs.Position.Line != 5 {
			t.Fatalf("%s: %+v, %v", ref, rs, err)
		}
		if flat, err := s.Flatten(rs); err != nil || len(flat) == 0 || flat[len(flat)-1].Path != "bpf*" {
			t.Errorf("%q, %v", texts(flat), err)
		}
	}
	s = testSet(t, "[a=7]\nadd path x unhide\n[mine=4]\nadd path y unhide\n[b=7]\nadd path z unhide\n")
	for ref, want := range map[string]string{"7": "add path z unhide", "a": "add path z unhide", "b": "add path z unhide", "4": "add path y unhide", "devfsrules_jail": "add path y unhide"} {
		rs, err := s.Lookup(ref)
		if err != nil || len(rs.Rules) != 1 || rs.Rules[0].String() != want {
			t.Errorf("%s: %+v, %v", ref, rs, err)
		}
	}
	s = testSet(t, "[a=7]\nadd hide\n[a=7] # ok\nnonsense\n")
	if rs, err := s.Lookup("7"); err != nil || rs.Err == nil {
		t.Errorf("the later one is broken: %+v, %v", rs, err)
	}
	s = testSet(t, "[a=7] nonsense\nadd hide\n[a=7]\nadd hide\n")
	if rs, err := s.Lookup("7"); err != nil || rs.Err != nil {
		t.Errorf("the later one is not: %+v, %v", rs, err)
	}
}

// Before, $devfsrules_jail in ruleset 5 of the system's file meant the user's.
func TestNamesAreResolvedWhileReading(t *testing.T) {
	s := testSet(t, `[before=20]
add include $devfsrules_jail
[devfsrules_jail=21]
add include 4
add path mine unhide
[after=22]
add include $devfsrules_jail
[early=23]
add include $late
[late=24]
add hide
`)
	for number, mine := range map[string]bool{"4": false, "5": false, "20": false, "21": true, "22": true} {
		rs, err := s.Lookup(number)
		if err != nil {
			t.Fatal(err)
		}
		flat, err := s.Flatten(rs)
		if got := slices.Contains(texts(flat), "add path mine unhide"); err != nil || got != mine || !slices.Contains(texts(flat), "add hide") {
			t.Errorf("%s: %q, %v", number, texts(flat), err)
		}
	}
	if rs, err := s.Lookup("devfsrules_jail"); err != nil || rs.Number != 21 {
		t.Errorf("the name's last ruleset is %+v, %v", rs, err)
	}
	early, err := s.Lookup("early")
	var missing *NotFoundError
	if _, flat := s.Flatten(early); err != nil || !errors.As(flat, &missing) || missing.Ruleset != "late" || missing.From != "early" {
		t.Errorf("a name that comes later: %v, %v", err, flat)
	}
	if rs, err := s.Lookup("20"); err != nil || rs.Rules[0].Include != (Ref{Number: 4}) {
		t.Errorf("%+v, %v", rs, err)
	}
	five, _ := s.Lookup("5")
	again, created, err := s.Ensure(five.Rules, EnsureOptions{})
	if err != nil || created || again.Number != 5 {
		t.Errorf("the rules of 5 are found again: %+v %v %v", again, created, err)
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
