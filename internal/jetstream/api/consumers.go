package api

import (
	"time"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func consumerCreate(c *call) any {
	var r jsapi.ConsumerCreateResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.ConsumerCreateRequest
		if err := c.decode(&q); err != nil {
			return err
		}
		if err := agree(&q, &c.api); err != nil {
			return err
		}
		s, err := c.stream()
		if err != nil {
			return err
		}
		info, _, err := s.CreateConsumer(&q)
		if err != nil {
			return err
		}
		r.ConsumerInfo = c.desk.server.consumer(info)
		return nil
	})
}

// agree says where the body contradicts the subject, and takes the name from the
// subject otherwise. There are three forms: with no name, where the consumer is
// not durable; with a name, and perhaps a filter; and the one of durable
// consumers.
func agree(q *jsapi.ConsumerCreateRequest, at *jsapi.APISubject) *jsapi.Error {
	cfg := &q.Config
	switch {
	case q.Stream != at.Stream:
		return jsapi.ErrStreamMismatch.New()
	case at.Consumer == "" && cfg.Durable != "":
		return jsapi.ErrConsumerEphemeralWithDurableName.New()
	case at.Consumer == "":
		return nil
	case at.Operation == jsapi.ConsumerDurableCreate && cfg.Durable == "":
		return jsapi.ErrConsumerDurableNameNotSet.New()
	case cfg.Durable != "" && cfg.Durable != at.Consumer:
		return jsapi.ErrConsumerDurableNameNotMatchSubject.New()
	case at.Filter != "" && len(cfg.FilterSubjects) > 0:
		return jsapi.ErrConsumerMultipleFiltersNotAllowed.New()
	case at.Filter != "" && cfg.FilterSubject != at.Filter:
		return jsapi.ErrConsumerCreateFilterSubjectMismatch.New()
	}
	cfg.Name = at.Consumer
	return nil
}

func consumerInfo(c *call) any {
	var r jsapi.ConsumerCreateResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		if !c.blank() {
			return jsapi.ErrNotEmptyRequest.New()
		}
		consumer, err := c.consumer()
		if err != nil {
			return err
		}
		r.ConsumerInfo = c.desk.server.consumer(consumer.Info())
		return nil
	})
}

func consumerDelete(c *call) any {
	var r jsapi.SuccessResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		if !c.blank() {
			return jsapi.ErrNotEmptyRequest.New()
		}
		s, err := c.stream()
		if err != nil {
			return err
		}
		if err := s.DeleteConsumer(c.api.Consumer); err != nil {
			return err
		}
		r.Success = true
		return nil
	})
}

func consumerNames(c *call) any {
	r := jsapi.ConsumerNamesResponse{Consumers: []string{}}
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		consumers, err := c.consumerPage(&r.Page, jsapi.NamesLimit)
		if err != nil {
			return err
		}
		for _, consumer := range consumers {
			r.Consumers = append(r.Consumers, consumer.Name())
		}
		return nil
	})
}

func consumerList(c *call) any {
	r := jsapi.ConsumerListResponse{Consumers: []*jsapi.ConsumerInfo{}}
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		consumers, err := c.consumerPage(&r.Page, jsapi.ListLimit)
		if err != nil {
			return err
		}
		for _, consumer := range consumers {
			r.Consumers = append(r.Consumers, withoutCluster(consumer.Info()))
		}
		return nil
	})
}

// consumerPage returns the consumers of the page that the body asks for.
func (c *call) consumerPage(page *jsapi.Page, limit int) ([]Consumer, *jsapi.Error) {
	var q struct {
		Offset int `json:"offset"`
	}
	if err := c.decodeOptional(&q); err != nil {
		return nil, err
	}
	s, err := c.stream()
	if err != nil {
		return nil, err
	}
	return pageOf(s.Consumers(), page, q.Offset, limit), nil
}

func consumerPause(c *call) any {
	var r jsapi.ConsumerPauseResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.ConsumerPauseRequest
		if err := c.decodeOptional(&q); err != nil {
			return err
		}
		consumer, err := c.consumer()
		if err != nil {
			return err
		}
		if _, err := consumer.Pause(q.PauseUntil); err != nil {
			return err
		}
		r.PauseUntil = q.PauseUntil
		if left := time.Until(q.PauseUntil); left > 0 {
			r.Paused, r.PauseRemaining = true, left
		}
		return nil
	})
}

func consumerUnpin(c *call) any {
	var r jsapi.ConsumerUnpinResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.ConsumerUnpinRequest
		if len(c.body) == 0 {
			return jsapi.ErrInvalidJSON.New("unexpected end of JSON input")
		}
		if err := jsapi.Decode(c.body, &q, false); err != nil {
			return err
		}
		if q.Group == "" {
			return jsapi.ErrInvalidJSON.New("consumer group not specified")
		}
		consumer, err := c.consumer()
		if err != nil {
			return err
		}
		return consumer.Unpin(q.Group)
	})
}

func consumerReset(c *call) any {
	var r jsapi.ConsumerResetResponse
	return c.answer(&r, &r.Response, func() *jsapi.Error {
		var q jsapi.ConsumerResetRequest
		if err := jsapi.Decode(c.body, &q, false); err != nil {
			return err
		}
		consumer, err := c.consumer()
		if err != nil {
			return err
		}
		info, seq, err := consumer.Reset(q.Seq)
		if err != nil {
			return err
		}
		r.ConsumerInfo, r.ResetSeq = c.desk.server.consumer(info), seq
		return nil
	})
}

// consumer is info as answers show it.
func (s *Server) consumer(info *jsapi.ConsumerInfo) *jsapi.ConsumerInfo {
	i := withoutCluster(info)
	i.Config.Metadata = jsapi.ServerMetadata(i.Config.Metadata, s.node.Version())
	return i
}

// withoutCluster is info as lists of a server that stands alone show it.
func withoutCluster(info *jsapi.ConsumerInfo) *jsapi.ConsumerInfo {
	i := *info
	i.Cluster = nil
	return &i
}
