using System.Management.Automation;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Tests;

/// <summary>What holds for every cmdlet and every object.</summary>
public sealed partial class ContractTests
{
    private static readonly string[] Looking = ["ConvertFrom", "Find", "Get", "Show", "Test", "Wait", "Watch"];

    public static TheoryData<string> Names => [.. CompiledCmdlet.All.Select(static c => c.Name)];

    public static TheoryData<Type> Outputs =>
        [.. typeof(WirePendingPair).Assembly.GetExportedTypes().Where(static t => t.Namespace == typeof(WirePendingPair).Namespace && t != typeof(WirePairFile))];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_cmdlet_is_sealed_takes_a_home_and_says_what_it_gives_out(string name)
    {
        var cmdlet = CompiledCmdlet.All.Single(c => c.Name == name);
        Assert.True(cmdlet.Type.IsSealed);
        Assert.True(cmdlet.Type.IsSubclassOf(typeof(WireCmdlet)));
        Assert.StartsWith("Wire", cmdlet.Noun, StringComparison.Ordinal);
        Assert.Contains(cmdlet.Parameters, static p => p.Name == "WireHome" && p.PipelineInput == "true (ByPropertyName)");
        Assert.Contains(cmdlet.Type.GetCustomAttributesData(), static a => a.AttributeType == typeof(OutputTypeAttribute));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_changes_something_can_be_tried_without_doing_it(string name)
    {
        var cmdlet = CompiledCmdlet.All.Single(c => c.Name == name);
        Assert.Equal(!Looking.Contains(cmdlet.Verb), cmdlet.SupportsShouldProcess);
    }

    [Fact]
    public void No_cmdlet_has_a_way_around_the_comparison()
    {
        Assert.DoesNotContain(CompiledCmdlet.All.SelectMany(static c => c.Parameters), static p => p.Name == "Force");
        var digits = Assert.Single(CompiledCmdlet.All.Single(static c => c.Name == "Confirm-WirePair").Parameters, static p => p.Name == "Digits");
        Assert.Equal("false", digits.PipelineInput);
        Assert.Equal(typeof(string), digits.Type);
        Assert.Null(typeof(WirePendingPair).GetProperty("Digits"));
    }

    [Theory]
    [MemberData(nameof(Outputs))]
    public void An_object_is_flat_and_of_types_that_survive_remoting(Type type)
    {
        Type[] simple = [typeof(string), typeof(int), typeof(long), typeof(double), typeof(bool), typeof(DateTime), typeof(TimeSpan), typeof(string[])];

        // What a peer sent is of its own making, and made of the same types.
        Assert.All(type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => (type, p.Name) != (typeof(WireMessage), nameof(WireMessage.Body))), p => Assert.Contains(Nullable.GetUnderlyingType(p.PropertyType) ?? p.PropertyType, simple));
        Assert.DoesNotContain(type.GetProperties(), static p => Secret().IsMatch(p.Name));
        Assert.NotEqual(typeof(object), type.GetMethod(nameof(ToString), [])!.DeclaringType);
    }

    [Fact]
    public void The_manifest_exports_every_cmdlet_in_order()
    {
        var manifest = Repository.Read("WirePS.psd1");
        var list = Regex.Match(manifest, @"CmdletsToExport\s*=\s*@\((.*?)\)", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(CompiledCmdlet.All.Select(static c => c.Name).Order(StringComparer.OrdinalIgnoreCase), Regex.Matches(list, "'([^']+)'").Select(static m => m.Groups[1].Value));
        Assert.Contains($"ModuleVersion        = '{typeof(WireCmdlet).Assembly.GetName().Version!.ToString(3)}'", manifest, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_name_types_and_properties_that_exist()
    {
        foreach (var view in XDocument.Load(Repository.PathOf("WirePS.Format.ps1xml")).Descendants("View"))
        {
            var type = typeof(WirePendingPair).Assembly.GetType(view.Element("ViewSelectedBy")!.Element("TypeName")!.Value, throwOnError: true)!;
            Assert.All(view.Descendants("PropertyName"), name => Assert.NotNull(type.GetProperty(name.Value)));
            Assert.All(view.Descendants("ScriptBlock").SelectMany(static s => Regex.Matches(s.Value, @"\$_\.(\w+)")), name => Assert.NotNull(type.GetProperty(name.Groups[1].Value)));
            if (view.Element("TableControl") is { } table)
            {
                Assert.Equal(table.Descendants("TableColumnHeader").Count(), table.Descendants("TableColumnItem").Count());
                Assert.InRange(table.Descendants("TableColumnHeader").Sum(static h => 1 + ((int?)h.Element("Width") ?? 0)), 1, 80);
            }
        }
    }

    [Fact]
    public void Every_category_is_one_of_PowerShell() =>
        Assert.All(Enum.GetNames<WireErrorCategory>(), static name => Assert.True(Enum.TryParse<ErrorCategory>(name, out _), name));

    [GeneratedRegex("seed|token|secret|scalar|private", RegexOptions.IgnoreCase)]
    private static partial Regex Secret();
}
