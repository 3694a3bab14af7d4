package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "append new types to testdata/wire.jsonl")

func TestWireRoundTrip(t *testing.T) {
	for i, e := range catalogue() {
		for name, want := range map[string]IocEvent{"filled": filled(t, e, i), "zero": e} {
			data, err := Marshal(want)
			if err != nil {
				t.Fatalf("%s %s: %v", TypeOf(e), name, err)
			}
			got, err := Unmarshal(data)
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", TypeOf(e), name, err, data)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s:\n got %#v\nwant %#v", TypeOf(e), name, got, want)
			}
			direct, err := json.Marshal(want)
			if err != nil || !bytes.Equal(direct, data) {
				t.Errorf("%s: json.Marshal gave %s, %v", TypeOf(e), direct, err)
			}
		}
	}
}

// retired event types are on lines of the golden file and in no version that
// sends them.
var retired = strings.Fields(`
	JailSoftShutdown ReleaseUpdatePull ReleaseUpdateDownload
	DetachZFSDataset ZFSSnapshotRename`)

// The golden file has a line for every type. A changed line breaks readers of
// stored events; new lines are fine.
func TestWireFormIsStable(t *testing.T) {
	const file = "testdata/wire.jsonl"
	golden, err := os.ReadFile(file)
	require.NoError(t, err)
	missing := Types()
	lines := slices.Collect(strings.Lines(string(golden)))
	for seed, line := range lines {
		stored, err := Unmarshal([]byte(line))
		if unknown, ok := errors.AsType[*UnknownTypeError](err); ok {
			require.Contains(t, retired, unknown.Type, "line %d", seed+1)
			continue
		}
		require.NoError(t, err)
		data, err := Marshal(filled(t, stored, seed))
		require.NoError(t, err)
		require.Equal(t, line, string(data)+"\n", "line %d", seed+1)
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == TypeOf(stored) })
	}
	if *update {
		for _, e := range catalogue() {
			if slices.Contains(missing, TypeOf(e)) {
				data, err := Marshal(filled(t, e, len(lines)))
				require.NoError(t, err)
				lines = append(lines, string(data)+"\n")
			}
		}
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644))
		return
	}
	require.Empty(t, missing, "run with -update for new types")
}

func TestWireErrors(t *testing.T) {
	cause := &os.PathError{Op: "open", Path: "/x", Err: os.ErrPermission}
	data, err := Marshal(JailStart{Header: Header{State: Failed, Err: cause}, Jail: "web"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second hop changes nothing
		e, err := Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		var remote *RemoteError
		if !errors.As(e.Head().Err, &remote) {
			t.Fatalf("error is %T", e.Head().Err)
		}
		if want := (RemoteError{cause.Error(), "*fs.PathError"}); *remote != want || remote.Error() != cause.Error() {
			t.Errorf("got %+v, want %+v", *remote, want)
		}
		if data, err = Marshal(e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnmarshalUnknownType(t *testing.T) {
	_, err := Unmarshal([]byte(`{"type":"JailTeleport","id":7,"subject":"web","state":"done","payload":{"to":"mars"}}`))
	var unknown *UnknownTypeError
	if !errors.As(err, &unknown) {
		t.Fatalf("got %v", err)
	}
	if unknown.Type != "JailTeleport" || unknown.Head.ID != 7 || unknown.Head.Subject != "web" || unknown.Head.State != Done {
		t.Errorf("got %+v", unknown)
	}
	if !strings.Contains(err.Error(), "JailTeleport") {
		t.Errorf("text %q", err)
	}
}

func TestUnmarshal(t *testing.T) {
	tests := []struct {
		name, in string
		want     IocEvent // nil: an error
	}{
		{"least", `{"type":"JailStop"}`, JailStop{}},
		{"later members", `{"type":"JailStop","new":1,"payload":{"jail":"a","newer":[]}}`, JailStop{Jail: "a"}},
		{"null payload", `{"type":"JailStop","payload":null,"duration":null,"started":null,"error":null}`, JailStop{}},
		{"empty list", `{"type":"MountFstab","payload":{"mountpoints":[]}}`, MountFstab{}},
		{"exponent", `{"type":"JailStop","duration":1.5e-3}`, JailStop{Header: Header{Duration: 1500 * time.Microsecond}}},
		{"zone", `{"type":"JailStop","started":"2026-01-02T03:04:05+01:00"}`,
			JailStop{Header: Header{Started: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)}}},
		{"no header from payload", `{"type":"JailStop","payload":{"Header":{"ID":3},"ID":4,"Message":"x"}}`, JailStop{}},
		{"empty", ``, nil},
		{"no object", `[]`, nil},
		{"no type", `{}`, nil},
		{"trailing", `{"type":"JailStop"} {}`, nil},
		{"state", `{"type":"JailStop","state":"stuck"}`, nil},
		{"failed without error", `{"type":"JailStop","state":"failed"}`, nil},
		{"error without failure", `{"type":"JailStop","error":{"message":"m"}}`, nil},
		{"payload of another kind", `{"type":"JailStop","payload":[]}`, nil},
		{"field of another kind", `{"type":"JailAttach","payload":{"jid":"1"}}`, nil},
		{"duration text", `{"type":"JailStop","duration":"1"}`, nil},
		{"year out of range in UTC", `{"type":"JailStop","started":"9999-12-31T23:59:59-01:00"}`, nil},
		{"duration out of range", `{"type":"JailStop","duration":1e300}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Unmarshal([]byte(tt.in))
			if (err == nil) != (tt.want != nil) {
				t.Fatalf("error %v", err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
		})
	}
}

func TestMarshalRefusesWhatHasNoForm(t *testing.T) {
	for _, h := range []Header{{State: 9}, {Started: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		if data, err := Marshal(JailStart{Header: h}); err == nil {
			t.Errorf("%+v gave %s", h, data)
		}
	}
}

func TestMarshalPointer(t *testing.T) {
	data, err := json.Marshal(&JailStart{Jail: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := Unmarshal(data); err != nil || e != (JailStart{Jail: "web"}) {
		t.Errorf("got %#v, %v", e, err)
	}
}

func TestSeconds(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0", 1: "0.000000001", time.Second: "1", 1500 * time.Millisecond: "1.5",
		-time.Millisecond: "-0.001", math.MaxInt64: "9223372036.854775807",
		math.MinInt64: "-9223372036.854775808", 90 * time.Minute: "5400",
	}
	for d, want := range tests {
		got, err := json.Marshal(seconds(d))
		if err != nil || string(got) != want {
			t.Errorf("%d: got %s, %v, want %s", d, got, err, want)
		}
		var back seconds
		if err := json.Unmarshal(got, &back); err != nil || time.Duration(back) != d {
			t.Errorf("%s: got %d, %v, want %d", got, back, err, d)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	golden, err := os.ReadFile("testdata/wire.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(golden) {
		f.Add(line)
	}
	f.Add([]byte(`{"type":"JailStop","duration":1.5e-3,"started":"2026-01-02T03:04:05+01:00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Unmarshal(data)
		if err != nil {
			if e != nil {
				t.Fatal("event and error")
			}
			return
		}
		Line(e)
		Tree([]IocEvent{e, e})
		again, err := Marshal(e)
		if err != nil {
			t.Fatalf("%#v: %v", e, err)
		}
		back, err := Unmarshal(again)
		if err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%s: %v\n got %#v\nwant %#v", again, err, back, e)
		}
	})
}
