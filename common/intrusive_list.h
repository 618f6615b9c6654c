// IntrusiveList: a doubly linked list through its members, so that entering and leaving neither
// allocates nor searches.
#pragma once

#include "common/check.h"

namespace tandem {

/// One membership. Derive once for each list an object can be in; `Tag` tells them apart.
/// Destroying a member takes it out.
template <class Tag>
class ListLink {
 public:
  ListLink() noexcept : previous_(this), next_(this) {}
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }

  [[nodiscard]] bool is_linked() const noexcept { return next_ != this; }
  void unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  template <class T, class U>
  friend class IntrusiveList;

  ListLink* previous_;
  ListLink* next_;
};

/// `T` derives from ListLink<Tag>. Owns nothing; members may outlive it.
template <class T, class Tag>
class IntrusiveList {
 public:
  IntrusiveList() noexcept = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->unlink();
  }

  [[nodiscard]] bool empty() const noexcept { return !head_.is_linked(); }
  void push_front(T& member) noexcept { insert_after(head_, member); }
  void push_back(T& member) noexcept { insert_after(*head_.previous_, member); }
  /// The list must not be empty.
  [[nodiscard]] T& front() noexcept { return static_cast<T&>(*head_.next_); }
  [[nodiscard]] T& back() noexcept { return static_cast<T&>(*head_.previous_); }

  /// Calls `visit` for each member; it may unlink or destroy the one it is given.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListLink<Tag>* at = head_.next_; at != &head_;) {
      ListLink<Tag>* next = at->next_;
      visit(static_cast<T&>(*at));
      at = next;
    }
  }

 private:
  static void insert_after(ListLink<Tag>& place, ListLink<Tag>& member) noexcept {
    TANDEM_DCHECK(!member.is_linked());
    member.previous_ = &place;
    member.next_ = place.next_;
    place.next_->previous_ = &member;
    place.next_ = &member;
  }

  ListLink<Tag> head_;
};

}  // namespace tandem
