using System.Text;
using FsCheck.Fluent;
using WirePS.Identity;
using WirePS.Tests.Cryptography;
using Xunit;

namespace WirePS.Tests.Identity;

public sealed class WireJsonTests
{
    [Fact]
    public void Canonical_text_is_its_own_canonical_text()
        => Properties.Hold(Properties.Json, json =>
        {
            foreach (var mode in Enum.GetValues<CanonicalMode>())
            {
                var once = CanonicalJson.Canonicalize(json, mode);
                if (!CanonicalJson.Canonicalize(once, mode).AsSpan().SequenceEqual(once))
                {
                    return false;
                }
            }

            return true;
        });

    [Fact]
    public void Order_and_white_space_of_the_text_do_not_matter()
        => Properties.Hold(Properties.Json, json =>
        {
            var canonical = json.ToCompactString();
            return WireJson.Parse(json.ToIndentedString(WireJsonOrder.Document)).ToCompactString() == canonical
                && WireJson.Parse(json.ToCompactString(WireJsonOrder.Document)).ToCompactString() == canonical
                && WireJson.Parse(json.ToIndentedString()).ToIndentedString() == json.ToIndentedString();
        });

    [Fact]
    public void Names_are_ordered_by_their_utf8_bytes()
        => Properties.Hold(Gen.Zip(Properties.Texts, Properties.Texts), names =>
        {
            var (left, right) = names;
            var expected = Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
            return Math.Sign(WireJson.CompareUtf8(left, right)) == Math.Sign(expected);
        });

    [Fact]
    public void Members_are_found_in_objects_of_every_size()
        => Properties.Hold(Gen.Choose(0, 60), size =>
        {
            var json = WireJson.EmptyObject;
            for (var i = 0; i < size; i++)
            {
                json = json.With($"m{i * 7919 % 61}", i);
            }

            return json.Count == size
                && Enumerable.Range(0, size).All(i => json.GetInt64($"m{i * 7919 % 61}") == i)
                && !json.TryGet("none", out _)
                && (size == 0 || json.Without("m0").Count == size - 1);
        });

    [Fact]
    public void Floats_read_back_from_their_shortest_digits()
        => Properties.Hold(
            Gen.Choose(int.MinValue, int.MaxValue).Two().Select(pair => BitConverter.Int64BitsToDouble(((long)pair.Item1 << 32) | (uint)pair.Item2)),
            value => !double.IsFinite(value)
                || double.Parse(WireJsonWriter.FormatFloat(value), System.Globalization.CultureInfo.InvariantCulture).Equals(value),
            tests: 2000);

    [Fact]
    public void Broken_text_is_refused_with_a_named_reason_and_nothing_else()
        => Properties.Hold(Gen.OneOf(Properties.NearlyJson, Properties.Bytes), bytes =>
        {
            try
            {
                _ = WireJson.Parse(bytes);
                return true;
            }
            catch (WireException refused)
            {
                return refused.Reason == WireReason.InvalidJson;
            }
        }, tests: 2000);

    [Fact]
    public void A_refusal_does_not_repeat_the_text()
    {
        var refused = Assert.Throws<WireException>(() => WireJson.Parse("{\"slot_token\":\"hidden\" oops}"));
        Assert.DoesNotContain("hidden", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("oops", refused.Message, StringComparison.Ordinal);
        Assert.Contains("at byte 23", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_ends_at_127_levels_when_read_and_when_built()
    {
        Assert.Equal(1, WireJson.Parse(new string('[', 127) + new string(']', 127)).Count);
        Assert.Throws<WireException>(() => WireJson.Parse(new string('[', 128) + new string(']', 128)));
        var json = WireJson.EmptyArray;
        for (var level = 1; level < 127; level++)
        {
            json = WireJson.ArrayOf([json]);
        }

        Assert.Equal(WireReason.InvalidJson, Assert.Throws<WireException>(() => WireJson.EmptyObject.With("a", json)).Reason);
        Assert.Throws<WireException>(() => WireJson.Parse(new string('[', 1_000_000)));
    }

    [Fact]
    public void Lone_surrogates_are_refused_everywhere()
    {
        Assert.Throws<WireException>(() => WireJson.From("\ud800"));
        Assert.Throws<WireException>(() => WireJson.EmptyObject.With("\udc00x", true));
        Assert.Throws<WireException>(() => WireJson.ObjectOf(("\ud800", WireJson.Null)));
        Assert.Throws<WireException>(() => WireJson.Parse("\"\ud800\""));
        Assert.Throws<WireException>(() => WireJson.Parse("\"\\ud83e\\ud83e\""));
    }

    [Fact]
    public void The_last_of_equal_names_wins_at_the_place_of_the_first()
    {
        var json = WireJson.Parse("{\"b\":1,\"a\":2,\"b\":3}");
        Assert.Equal("{\"b\":3,\"a\":2}", json.ToCompactString(WireJsonOrder.Document));
        Assert.Equal("{\"a\":2,\"b\":3}", json.ToCompactString());
        var many = "{" + string.Join(',', Enumerable.Range(0, 40).Select(i => $"\"k{i % 20}\":{i}")) + "}";
        Assert.Equal(20, WireJson.Parse(many).Count);
        Assert.Equal(39, WireJson.Parse(many).GetInt64("k19"));
    }

    [Fact]
    public void Indented_text_looks_like_the_files_of_wire_programs()
        => Assert.Equal(
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"e\": {},\n  \"l\": []\n}",
            WireJson.Parse("{\"l\":[],\"e\":{},\"a\":[1,{\"b\":null}]}").ToIndentedString());

    [Fact]
    public void Numbers_keep_their_64_bits_and_their_kind()
    {
        var json = WireJson.Parse("[18446744073709551615,9223372036854775808,-9223372036854775808,-1,1.0,-0,true]");
        Assert.Equal(ulong.MaxValue, json.Items[0].AsUInt64());
        Assert.Null(json.Items[0].AsInt64());
        Assert.Null(json.Items[1].AsInt64());
        Assert.Equal(long.MinValue, json.Items[2].AsInt64());
        Assert.Null(json.Items[3].AsUInt64());
        Assert.Equal(-1.0, json.Items[3].AsDouble());
        Assert.Equal(WireJsonKind.Float, json.Items[4].Kind);
        Assert.Null(json.Items[4].AsInt64());
        Assert.Equal("-0.0", json.Items[5].ToCompactString());
        Assert.True(json.Items[6].AsBoolean());
        Assert.True(json.ContainsFloat);
        Assert.False(WireJson.Parse("[1,{\"a\":\"1.5\"}]").ContainsFloat);
        Assert.Equal("-9223372036854775808", WireJson.From(long.MinValue).ToCompactString());
        Assert.Throws<ArgumentOutOfRangeException>(() => WireJson.From(double.NaN));
    }

    [Fact]
    public void Members_are_set_and_removed_without_changing_the_original()
    {
        var json = WireJson.ObjectOf(("z", WireJson.From(1L)), ("a", WireJson.From("text")));
        var changed = json.With("z", false).With("n", WireJson.FromNullable(null)).Without("a").Without("a");
        Assert.Equal("{\"z\":1,\"a\":\"text\"}", json.ToCompactString(WireJsonOrder.Document));
        Assert.Equal("{\"z\":false,\"n\":null}", changed.ToCompactString(WireJsonOrder.Document));
        Assert.Equal(["n", "z"], changed.Members.Select(member => member.Key));
        Assert.False(changed.GetBoolean("z"));
        Assert.Null(changed.GetString("z"));
        Assert.Null(changed.GetObject("z"));
        Assert.Null(changed.GetArray("z"));
        Assert.Null(changed.GetUInt64("none"));
        Assert.Throws<InvalidOperationException>(() => WireJson.Null.With("a", 1));
        Assert.Throws<InvalidOperationException>(() => WireJson.EmptyArray.Without("a"));
    }

    [Fact]
    public void The_text_form_shows_kind_and_size_only()
    {
        Assert.Equal("WireJson Object (1)", WireJson.Parse("{\"token\":\"hidden\"}").ToString());
        Assert.Equal("WireJson String", WireJson.From("hidden").ToString());
        Assert.True(WireJson.TryParse("1"u8, out _));
        Assert.False(WireJson.TryParse("1 2"u8, out _));
    }
}
