package sysadm

import "strings"

// object is a JSON object; encoding/json sorts its keys.
type object = map[string]any

// textObject turns lines of text into an object by the rule of the 2016 server,
// which explains the odd keys of the documents: up to the first empty line, with
// white space collapsed and trimmed, the key is the text before the first colon
// and the value the text between it and the second, untrimmed. Later lines win.
func textObject(lines []string) object {
	out := object{}
	for _, line := range lines {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" {
			break
		}
		key, value := textPair(line)
		out[key] = value
	}
	return out
}

func textPair(line string) (key, value string) {
	fields := strings.SplitN(line, ":", 3)
	if len(fields) > 1 {
		value = fields[1]
	}
	return fields[0], value
}

// textValue returns what remains of a value that was printed after its key and a
// colon.
func textValue(key, value string) string {
	_, value = textPair(strings.Join(strings.Fields(key+":"+value), " "))
	return value
}
