package config

import (
	"strconv"
	"strings"
)

// maxCPU bounds CPU numbers; CPU_SETSIZE is 1024 since FreeBSD 14.
const maxCPU = 1023

// A CPUSet is the value of the cpuset property. With neither All nor CPUs the jail
// keeps the set of the process that creates it.
type CPUSet struct {
	All  bool  // every CPU of the root set
	CPUs []int // ascending, each once
}

// String returns off, all, or ascending numbers and ranges such as 0,2-3.
func (c CPUSet) String() string {
	if c.All {
		return "all"
	}
	if len(c.CPUs) == 0 {
		return "off"
	}
	var ranges []string
	for i := 0; i < len(c.CPUs); {
		j := i
		for j+1 < len(c.CPUs) && c.CPUs[j+1] == c.CPUs[j]+1 {
			j++
		}
		text := strconv.Itoa(c.CPUs[i])
		switch {
		case j == i+1:
			text += "," + strconv.Itoa(c.CPUs[j])
		case j > i:
			text += "-" + strconv.Itoa(c.CPUs[j])
		}
		ranges = append(ranges, text)
		i = j + 1
	}
	return strings.Join(ranges, ",")
}

// parseCPUSet reads off, all, or numbers and ranges (lo-hi) separated by
// commas. The start checks that the machine has them.
func parseCPUSet(text string) (CPUSet, error) {
	switch strings.ToLower(text) {
	case "off", "none", "-", "":
		return CPUSet{}, nil
	case "all":
		return CPUSet{All: true}, nil
	}
	var seen [maxCPU + 1]bool
	for item := range strings.SplitSeq(text, ",") {
		lo, hi, isRange := strings.Cut(item, "-")
		first, err := parseCPU(lo)
		if err != nil {
			return CPUSet{}, err
		}
		last := first
		if isRange {
			if last, err = parseCPU(hi); err != nil {
				return CPUSet{}, err
			}
			if last < first {
				return CPUSet{}, invalid("range %q is reversed", item)
			}
		}
		for n := first; n <= last; n++ {
			seen[n] = true
		}
	}
	var c CPUSet
	for n, in := range seen {
		if in {
			c.CPUs = append(c.CPUs, n)
		}
	}
	return c, nil
}

func parseCPU(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > maxCPU {
		return 0, invalid("%q is not a CPU from 0 to %d", text, maxCPU)
	}
	return int(n), nil
}
