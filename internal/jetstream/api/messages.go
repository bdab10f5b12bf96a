package api

import (
	"errors"
	"slices"
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func streamMsgGet(c *call) any {
	var r jsapi.MsgGetResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		if c.blank() {
			return jsapi.ErrBadRequest.New()
		}
		var q jsapi.MsgGetRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		s, err := c.stream()
		if err != nil {
			return err
		}
		empty, contradicts := valid(&q)
		if empty || contradicts || q.Batch != 0 || q.MaxBytes != 0 || len(q.MultiLast) > 0 {
			return jsapi.ErrBadRequest.New()
		}
		r.Message, err = c.message(s, &q)
		return err
	})
}

// message returns the message that q asks for, as a copy.
func (c *call) message(s Stream, q *jsapi.MsgGetRequest) (*jsapi.StoredMsg, *jsapi.Error) {
	c.answerer.aim(s, q)
	m, err := c.answerer.find(s)
	switch {
	case errors.Is(err, errNotFound):
		return nil, jsapi.ErrNoMessageFound.New()
	case err != nil:
		return nil, jsapi.ErrStreamStoreFailed.New(err)
	}
	stored := &jsapi.StoredMsg{
		Subject: string(m.Subject), Seq: m.Seq, Data: slices.Clone(m.Body), Time: time.Unix(0, m.Time).UTC(),
	}
	if !q.NoHeaders {
		stored.Header = slices.Clone(m.Header)
	}
	return stored, nil
}

func streamMsgDelete(c *call) any {
	var r jsapi.SuccessResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.MsgDeleteRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		if q.Seq == 0 {
			return jsapi.ErrBadRequest.New()
		}
		s, err := c.stream()
		if err != nil {
			return err
		}
		if err := s.DeleteMessage(q.Seq, q.NoErase); err != nil {
			return err
		}
		r.Success = true
		return nil
	})
}
