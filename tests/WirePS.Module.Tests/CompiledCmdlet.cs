using System.Management.Automation;
using System.Reflection;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Tests;

/// <summary>A cmdlet as it was compiled. Attributes are read as data: the reference library's own do nothing.</summary>
internal sealed class CompiledCmdlet
{
    private CompiledCmdlet(Type type, CustomAttributeData cmdlet)
    {
        Type = type;
        Verb = (string)cmdlet.ConstructorArguments[0].Value!;
        Noun = (string)cmdlet.ConstructorArguments[1].Value!;
        SupportsShouldProcess = Named(cmdlet, nameof(CmdletAttribute.SupportsShouldProcess)) is true;
        Parameters = [.. type.GetProperties().Select(CompiledParameter.Of).OfType<CompiledParameter>()];
    }

    internal static IReadOnlyList<CompiledCmdlet> All { get; } =
    [
        .. typeof(WireCmdlet).Assembly.GetTypes()
            .Select(static type => (Type: type, Data: type.GetCustomAttributesData().SingleOrDefault(static a => a.AttributeType == typeof(CmdletAttribute))))
            .Where(static found => found.Data is not null)
            .Select(static found => new CompiledCmdlet(found.Type, found.Data!))
            .OrderBy(static cmdlet => cmdlet.Name, StringComparer.Ordinal),
    ];

    internal Type Type { get; }

    internal string Verb { get; }

    internal string Noun { get; }

    internal string Name => $"{Verb}-{Noun}";

    internal bool SupportsShouldProcess { get; }

    internal IReadOnlyList<CompiledParameter> Parameters { get; }

    internal IEnumerable<string> ParameterNames => Parameters.Select(static p => p.Name).Concat(SupportsShouldProcess ? ["WhatIf", "Confirm"] : []);

    internal static object? Named(CustomAttributeData data, string name) =>
        data.NamedArguments.Where(a => a.MemberName == name).Select(static a => a.TypedValue.Value).SingleOrDefault();
}

/// <summary>A parameter as it was compiled.</summary>
internal sealed record CompiledParameter(string Name, Type Type, bool IsMandatory, int? Position, string PipelineInput, bool TakesWildcards)
{
    internal static CompiledParameter? Of(PropertyInfo property)
    {
        var data = property.GetCustomAttributesData();
        var parameters = data.Where(static a => a.AttributeType == typeof(ParameterAttribute)).ToArray();
        if (parameters.Length == 0)
        {
            return null;
        }

        var byValue = Any(nameof(ParameterAttribute.ValueFromPipeline));
        var byName = Any(nameof(ParameterAttribute.ValueFromPipelineByPropertyName));
        return new CompiledParameter(
            property.Name,
            property.PropertyType,
            Any(nameof(ParameterAttribute.Mandatory)),
            (int?)parameters.Select(static p => CompiledCmdlet.Named(p, nameof(ParameterAttribute.Position))).FirstOrDefault(static p => p is not null),
            (byValue, byName) switch
            {
                (true, true) => "true (ByValue, ByPropertyName)",
                (true, false) => "true (ByValue)",
                (false, true) => "true (ByPropertyName)",
                _ => "false",
            },
            data.Any(static a => a.AttributeType == typeof(SupportsWildcardsAttribute)));

        bool Any(string name) => parameters.Any(p => CompiledCmdlet.Named(p, name) is true);
    }
}
