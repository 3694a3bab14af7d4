package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// passwd prints a line for the file of users. It reads the password from standard
// input, so that it does not appear in lists of processes.
func passwd(in io.Reader, out, errs io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: sysadmd passwd NAME ROLE[,exec]")
	}
	fmt.Fprint(errs, "Password: ")
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	fmt.Fprintln(errs)
	password := strings.TrimRight(line, "\r\n")
	if len(password) < 8 {
		return errors.New("the password has fewer than 8 characters")
	}
	text := args[0] + ":" + args[1] + ":" + hashPassword(password)
	if _, err := parseUser(text); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}
