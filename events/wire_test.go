package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/wire.jsonl anew")

func TestWireRoundTrip(t *testing.T) {
	for i, e := range catalogue() {
		for name, want := range map[string]IocEvent{"filled": filled(t, e, i), "zero": e} {
			data, err := Marshal(want)
			if err != nil {
				t.Fatalf("%s %s: %v", e.Type(), name, err)
			}
			got, err := Unmarshal(data)
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", e.Type(), name, err, data)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s:\n got %#v\nwant %#v", e.Type(), name, got, want)
			}
			direct, err := json.Marshal(want)
			if err != nil || !bytes.Equal(direct, data) {
				t.Errorf("%s: json.Marshal gave %s, %v", e.Type(), direct, err)
			}
		}
	}
}

// The golden file has one event of every type. A changed line breaks readers of
// stored events; new lines are fine.
func TestWireFormIsStable(t *testing.T) {
	var all bytes.Buffer
	for i, e := range catalogue() {
		data, err := Marshal(filled(t, e, i))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(append(data, '\n'))
	}
	const file = "testdata/wire.jsonl"
	if *update {
		if err := os.WriteFile(file, all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(all.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Errorf("line %d: want %s", i+1, line)
		}
	}
	if all.Len() != len(want) {
		t.Errorf("%d bytes, want %d: run with -update for new types", all.Len(), len(want))
	}
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
